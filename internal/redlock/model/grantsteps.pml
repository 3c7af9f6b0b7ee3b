/*
 * The steps that grantrw.pml and grantslots.pml share: see grantstate.pml.
 */
/* checkRest: at rest every lease is with a client that knows, or that is dead, and no live
 * waiter could have what is free. One behind the ticket of a dead client, or of a call that has
 * ended, may have to ask once more. */
inline checkRest() {
	u = 0;
	do
	:: u < TOKENS ->
		lying = lying || node.left[u] > 0 && !node.stray[u] && LIVE(OWNER(u)) && !KNOWN(u);
		if
		:: CURRENT(u) && WAITER(OWNER(u)) && node.left[u] == 0 ->
			couldHave(u);
			k = 0;
			do
			:: k < TOKENS && node.line[k] != 0 && node.line[k] != u+1 ->
				n = n && LIVE(OWNER(node.line[k] - 1)) && CURRENT(node.line[k] - 1);
				k++
			:: else -> break
			od;
			lying = lying || n
		:: else
		fi;
		u++
	:: else -> break
	od;
	assert(!lying)
}

inline end() {
#ifdef RESTS
	if
	:: AT_REST -> checkRest()
	:: else
	fi;
	lying = false;
#endif
	k = 0;
	u = 0;
	x = 0;
	n = 0;
	m = 0
}

/* The line. */
inline dequeue(t) {
	k = 0;
	do
	:: k < TOKENS && node.line[k] != (t)+1 -> k++
	:: else -> break
	od;
	do
	:: k < TOKENS - 1 -> node.line[k] = node.line[k+1]; k++
	:: k == TOKENS - 1 -> node.line[k] = 0; break
	:: k >= TOKENS -> break
	od;
	node.number[t] = 0;
	node.life[t] = 0
}

inline enqueue(t, num) {
	k = 0;
	do
	:: k < TOKENS && node.line[k] != 0 && node.line[k] != (t)+1 -> k++
	:: else -> break
	od;
	node.line[k] = (t)+1;
	node.number[t] = num;
	node.life[t] = TICKET
}

inline setLease(t, lifetime) {
	node.left[t] = lifetime;
	node.stray[t] = false;
	take(t)
}

inline endLease(t) {
	node.left[t] = 0;
	node.stray[t] = false;
	give(t)
}

/* grant gives a ticket's token its lease, by a release, or notifies its client. */
inline grant(t) {
	if
	:: HAS(PLAIN, OWNER(t)) ->
		printf("node 1 notifies client %d\n", OWNER(t)+1);
		token[t].notified = token[t].notified || client[OWNER(t)].subscribed
	:: else ->
		printf("node 1 grants token %d to client %d, which asked by number %d\n", (t)+1, OWNER(t)+1, node.number[t]);
		assert(!token[t].withdrawn);	/* a withdrawn ticket is granted */
		assert(node.life[t] > 0);	/* one that has ended */
		checkOrder(t);
		assert(!passed);	/* one in line is passed */
		setLease(t, GRANT);
		if
		:: client[OWNER(t)].subscribed ->
			token[t].granted = token[t].granted | BIT(node.number[t]);
#ifdef SLOTTED
			token[t].with[node.number[t]] = node.slots[t];
#endif
		:: else
		fi;
		dequeue(t)
	fi
}

/* runAcquire executes acquire num of token t; answered: its answer will be read. */
inline runAcquire(t, num, answered) {
	token[t].withdrawn = false;
	mayHave(t, num);
	if
	:: RENEWS(t) ->
		printf("node 1 has leased to token %d already, and renews that\n", (t)+1);
		node.left[t] = LEASE;
		dequeue(t);
		n = TAKEN
	:: node.left[t] == 0 && n ->
		printf("node 1 grants token %d by acquire %d\n", (t)+1, num);
		checkAcquire(t);
		assert(!passed);	/* one in line is passed */
		setLease(t, LEASE);
#if LATES > 0 || COPIES > 0
		node.stray[t] = !(answered);
#endif
		dequeue(t);
		n = TAKEN
	:: else ->
		printf("node 1 refuses acquire %d of token %d\n", num, (t)+1);
		if
		:: num > 0 -> enqueue(t, num)
		:: else
		fi;
		n = WAITS
	fi;
	token[t].acquire = (answered -> n : token[t].acquire);
#ifdef SLOTTED
	token[t].issued = (answered && n == TAKEN -> node.slots[t] : token[t].issued)
#endif
}

inline runRelease(t) {
	printf("node 1 releases token %d\n", (t)+1);
	if
	:: KEEPS_TICKET(t)
	:: else -> dequeue(t)
	fi;
	token[t].withdrawn = true;
#ifdef WITHDRAW_ONLY	/* mutant: a client that does not know of a grant withdraws its ticket alone */
	if
	:: !token[t].unknown -> u = node.left[t]; endLease(t); serve(t, u)
	:: else
	fi
#else
	u = node.left[t];
	endLease(t);
	serve(t, u)
#endif
}

#define CALLED(t)	(token[t].acquire == SENT)
#ifdef EARLY_RELEASE	/* mutant: a release does not wait for the acquire */
#define RELEASABLE(t)	token[t].pending
#else
#define RELEASABLE(t)	(token[t].pending && !CALLED(t) && !DOWNGRADING(t))
#endif

/* What the node executes of one token. */
proctype Requests(byte t) {
	do
	:: d_step { UP && CALLED(t) ->
		x = token[t].num;
		token[t].num = 0;
		runAcquire(t, x, true);
		end()
	}
#if LATES > 0 || COPIES > 0 || defined(EARLY_RELEASE)
	:: d_step { UP && token[t].late ->
		x = 0;
		do
		:: !(token[t].late & BIT(x)) -> x++
		:: else -> break
		od;
		token[t].late = token[t].late & ~BIT(x);
		runAcquire(t, x, false);
		end()
	}
#endif
	:: d_step { UP && RELEASABLE(t) ->
		token[t].pending = false;
#ifdef EARLY_RELEASE
		token[t].late = (CALLED(t) -> token[t].late | BIT(token[t].num) : token[t].late);
		token[t].num = 0;
#endif
		token[t].acquire = NONE;
		runRelease(t);
		end()
	}
#if COPIES > 0
	:: d_step { UP && token[t].again ->
		token[t].again = false;
		runRelease(t);
		end()
	}
#endif
	od
}

inline hold(c, validity) {
	printf("client %d holds a lease by token %d, for %d tick(s)", c+1, TOKEN(c)+1, validity);
	describe(c);
	client[c].phase = HOLDING;
	client[c].valid = validity;
	client[c].until = 0;
	client[c].due = false;
	checkExclusion(c)
}

#ifdef NO_NUMBER	/* mutant: any acquire's number is believed, and counts from the last acquire */
#define IS_LAST(c, num)	true
#else
#define IS_LAST(c, num)	((num) == client[c].sent)
#endif
#ifdef LATE_START	/* mutant: validity counts from the message */
#define VALID_FOR(c)	VALIDITY
#else
#define VALID_FOR(c)	client[c].until
#endif
#ifdef SHORT_LEASE	/* mutant: a grant that lasts less than a lease is taken for one */
#define IS_WHOLE	true
#else
#define IS_WHOLE	(GRANT == LEASE)
#endif
#define PROVES(c, num)	(IS_LAST(c, num) && VALID_FOR(c) > 0 && IS_WHOLE)

inline readGranted(c, t, num) {
	if
	:: CURRENT(t) && client[c].phase == WAITING && PROVES(c, num) ->
#ifdef SLOTTED
		client[c].slots = token[t].with[num];
#endif
		u = VALID_FOR(c);
		hold(c, u)
	:: CURRENT(t) && client[c].phase == WAITING && !PROVES(c, num) ->
		client[c].due = true
	:: !CURRENT(t) ->
		printf("client %d does not want token %d any more\n", c+1, t+1);
#ifdef WITHDRAW_ONLY
		token[t].unknown = false;
#endif
#ifndef KEEP_UNWANTED	/* mutant: what is not wanted is not given back */
		token[t].pending = true
#endif
	:: else
	fi
}

inline nextMessage(t) {
	x = 0;
	do
	:: !(token[t].granted & BIT(x)) -> x++
	:: else -> break
	od
}

inline forgetMessage(t, num) {
	token[t].granted = token[t].granted & ~BIT(num);
#ifdef SLOTTED
	token[t].with[num] = 0
#endif
}

proctype Messages(byte t) {
	do
	:: d_step { token[t].granted && client[OWNER(t)].subscribed && LIVE(OWNER(t)) ->
		nextMessage(t);
		printf("client %d reads that token %d is granted by acquire %d\n", OWNER(t)+1, t+1, x);
		readGranted(OWNER(t), t, x);
		forgetMessage(t, x);
		end()
	}
#if COPIES > 0
	:: d_step { token[t].granted && client[OWNER(t)].subscribed && LIVE(OWNER(t)) && copies < COPIES ->
		nextMessage(t);
		copies++;
		printf("client %d reads that token %d is granted by acquire %d, and will again\n", OWNER(t)+1, t+1, x);
		readGranted(OWNER(t), t, x);
		end()
	}
#endif
#if PLAIN > 0
	:: d_step { token[t].notified && client[OWNER(t)].subscribed && LIVE(OWNER(t)) ->
		printf("client %d reads the notification\n", OWNER(t)+1);
		token[t].notified = false;
		client[OWNER(t)].due = (CURRENT(t) && client[OWNER(t)].phase == WAITING -> true : client[OWNER(t)].due);
		end()
	}
#endif
	od
}

inline sendAcquire(c) {
	client[c].due = false;
	client[c].until = VALIDITY;
	token[TOKEN(c)].acquire = SENT;
	token[TOKEN(c)].num = client[c].sent;
	printf("client %d sends acquire %d of token %d", c+1, client[c].sent, TOKEN(c)+1);
	describe(c)
}

inline endCall(c) {
	token[TOKEN(c)].pending = true;
#ifdef WITHDRAW_ONLY
	token[TOKEN(c)].unknown = (client[c].phase == WAITING && token[TOKEN(c)].acquire == NONE);
#endif
	client[c].call++;
	client[c].phase = (client[c].call == CALLS -> DONE : IDLE);
	client[c].sent = 0;
	client[c].until = 0;
	client[c].valid = 0;
	client[c].due = false;
#ifdef SLOTTED
	client[c].slots = 0;
#endif
#ifdef DOWNGRADES
	client[c].reads = false;
	client[c].renewed = 0;
#endif
}

#define ANSWERED(c)	(token[TOKEN(c)].acquire == TAKEN || token[TOKEN(c)].acquire == WAITS)
#define IN_CALL(c)	(LIVE(c) && client[c].phase != IDLE && client[c].phase != DONE)

inline dropMessages(c) {
	k = 0;
	do
	:: k < CALLS ->
		token[(c) * CALLS + k].notified = false;
		token[(c) * CALLS + k].granted = 0;
#ifdef SLOTTED
		u = 0;
		do
		:: u <= ACQUIRES -> token[(c) * CALLS + k].with[u] = 0; u++
		:: else -> break
		od;
#endif
		k++
	:: else -> break
	od
}

#ifdef KILLED		/* before it was granted a lease, and the node sees its connections end */
#define DIES(c)	(node.left[TOKEN(c)] == 0)
#else
#define DIES(c)	true
#endif

proctype Caller(byte c) {
	do
	:: d_step { LIVE(c) && client[c].phase == IDLE && BEGINS(c) ->
		client[c].phase = WAITING;
		client[c].sent = (c < WAITERS -> 1 : 0);
		sendAcquire(c);
		end()
	}
	:: d_step { LIVE(c) && client[c].phase == WAITING && token[TOKEN(c)].acquire == NONE && client[c].sent < ACQUIRES && c < WAITERS ->
		client[c].sent++;
		sendAcquire(c);
		end()
	}
	/* A grant that is read too late ends the call, and its token. */
	:: d_step { IN_CALL(c) && ANSWERED(c) ->
		printf("client %d reads the answer to acquire %d\n", c+1, client[c].sent);
		x = token[TOKEN(c)].acquire;
		token[TOKEN(c)].acquire = NONE;
#ifdef SLOTTED
		client[c].slots = (client[c].phase == WAITING && x == TAKEN -> token[TOKEN(c)].issued : client[c].slots);
		token[TOKEN(c)].issued = 0;
#endif
		if
		:: x == TAKEN && client[c].phase == WAITING && client[c].until > 0 -> u = client[c].until; hold(c, u)
		:: x == TAKEN && client[c].phase == WAITING && client[c].until == 0 -> endCall(c)
		:: x == WAITS && c >= WAITERS && client[c].phase == WAITING -> endCall(c)
		:: else
		fi;
		end()
	}
	:: d_step { IN_CALL(c) ->
		printf("client %d unlocks, or is cancelled: token %d", c+1, TOKEN(c)+1);
		describe(c);
		endCall(c);
		end()
	}
	/* Its subscription. */
	:: d_step { LIVE(c) && !client[c].subscribed && c < WAITERS ->
		printf("client %d subscribes\n", c+1);
		client[c].subscribed = true;
		client[c].counted = true;
#ifndef ASK_FIRST	/* mutant: it does not ask again once it has subscribed */
		client[c].due = (client[c].phase == WAITING -> true : client[c].due);
#endif
		end()
	}
#if BREAKS > 0
	:: d_step { client[c].subscribed && breaks < BREAKS ->
		printf("the subscription of client %d breaks\n", c+1);
		breaks++;
		client[c].subscribed = false;
		dropMessages(c);
		end()
	}
#endif
#if BREAKS > 0 || DEATHS > 0
	:: d_step { !client[c].subscribed && client[c].counted ->
		printf("the node sees that the subscription of client %d has ended\n", c+1);
		client[c].counted = false;
		end()
	}
#endif
#if DEATHS > 0
	:: d_step { WAITER(c) && deaths < DEATHS && token[TOKEN(c)].acquire == NONE && DIES(c) ->
		printf("client %d dies\n", c+1);
		deaths++;
		client[c].dead = true;
		client[c].due = false;
		client[c].subscribed = false;
#ifdef KILLED
		client[c].counted = false;
#endif
		dropMessages(c);
		end()
	}
#endif
	od
}

#ifdef DOWNGRADES
proctype Downgrades(byte t) {
	do
	:: d_step { CURRENT(t) && VALID(OWNER(t)) && HAS(WRITERS, OWNER(t)) && !client[OWNER(t)].reads ->
		printf("client %d downgrades token %d\n", OWNER(t)+1, t+1);
		client[OWNER(t)].reads = true;
		client[OWNER(t)].renewed = VALIDITY;
		token[t].downgrade = SENT;
		end()
	}
	:: d_step { UP && token[t].downgrade == SENT ->
		runDowngrade(t);
		end()
	}
	:: d_step { token[t].downgrade == TAKEN || token[t].downgrade == WAITS ->
		if
		:: CURRENT(t) && VALID(OWNER(t)) && token[t].downgrade == TAKEN && client[OWNER(t)].renewed > client[OWNER(t)].valid ->
			printf("client %d has downgraded token %d\n", OWNER(t)+1, t+1);
			client[OWNER(t)].valid = client[OWNER(t)].renewed;
			checkExclusion(OWNER(t))
		:: else
		fi;
		client[OWNER(t)].renewed = (CURRENT(t) -> 0 : client[OWNER(t)].renewed);
		token[t].downgrade = NONE;
		end()
	}
	od
}
#endif

/* Requests that are late, or come twice. */
proctype Network(byte t) {
	do
#if LATES > 0
	:: d_step { CALLED(t) && lates < LATES ->
		printf("acquire %d of token %d gets no answer\n", token[t].num, t+1);
		lates++;
		token[t].late = token[t].late | BIT(token[t].num);
		token[t].num = 0;
		token[t].acquire = NONE;
		client[OWNER(t)].due = (CURRENT(t) && client[OWNER(t)].phase == WAITING -> true : client[OWNER(t)].due);
		end()
	}
#endif
#if COPIES > 0
	:: d_step { CALLED(t) && copies < COPIES ->
		printf("acquire %d of token %d is sent twice\n", token[t].num, t+1);
		copies++;
		token[t].late = token[t].late | BIT(token[t].num);
		end()
	}
	:: d_step { token[t].pending && copies < COPIES ->
		printf("the release of token %d is sent twice\n", t+1);
		copies++;
		token[t].again = true;
		end()
	}
#endif
	:: false -> skip
	od
}

/* Time. */
#define LESS(n)		(n > 0 -> n - 1 : 0)
#define TIMED(t)	(node.left[t] + node.life[t])
#define TIMER(c)	(client[c].valid > 0 || client[c].until > 0)
#ifdef PUNCTUAL		/* what is under way is done before a tick passes */
#define MAY_TICK	AT_REST
#else
#define MAY_TICK	(SUM_TOKENS(TIMED) > 0 || node.down > 0 || ANY_CLIENT(TIMER))
#endif
#define SERVED(c)	(LIVE(c) && client[c].phase == HOLDING)

proctype Clock() {
	do
	:: d_step { MAY_TICK ->
		printf("a tick passes\n");
#ifdef PUNCTUAL
		wasted = (!ANY_CLIENT(SERVED) && ANY_CLIENT(WAITER) -> wasted + 1 : 0);
		assert(wasted <= WASTE);	/* a live waiter waits for a dead one */
#endif
		node.down = LESS(node.down);
		do
		:: u < TOKENS ->
			if
			:: node.left[u] == 1 -> endLease(u)
			:: node.left[u] > 1 -> node.left[u]--
			:: else
			fi;
			if
#ifdef GRANT_DEAD	/* mutant: a ticket's end is not checked */
			:: node.life[u] == 1 -> node.life[u] = 0
#else
			:: node.life[u] == 1 -> dequeue(u)
#endif
			:: node.life[u] > 1 -> node.life[u]--
			:: else
			fi;
			u++
		:: else -> break
		od;
		u = 0;
		do
		:: u < CLIENTS ->
			client[u].valid = LESS(client[u].valid);
			client[u].until = LESS(client[u].until);
#ifdef DOWNGRADES
			client[u].renewed = LESS(client[u].renewed);
#endif
#ifdef PUNCTUAL
			client[u].due = client[u].due || WAITER(u);
#endif
			u++
		:: else -> break
		od;
		end()
	}
	od
}

proctype Fate(byte t) {
	do
	:: d_step { node.left[t] > 0 && node.left[t] <= FAST && UP ->
		printf("node 1 lets token %d end, %d tick(s) early\n", t+1, node.left[t]);
		endLease(t);
		end()
	}
	od
}

/* A restart: leases, tickets and subscriptions end; what was published may still be read. */
proctype Crash() {
	do
#if CRASHES > 0
	:: d_step { crashes < CRASHES && UP ->
		printf("node 1 restarts without its memory\n");
		crashes++;
		do
		:: u < TOKENS -> endLease(u); dequeue(u); u++
		:: else -> break
		od;
		u = 0;
		do
		:: u < CLIENTS ->
			client[u].subscribed = false;
			client[u].counted = false;
			u++
		:: else -> break
		od;
		node.down = ABSENCE;
		end()
	}
#endif
	:: false -> skip
	od
}

init {
	byte t;
	atomic {
#ifndef TIMELESS
		run Clock();
#endif
#if CRASHES > 0
		run Crash();
#endif
		do
		:: t < TOKENS ->
#if !defined(TIMELESS) && !defined(PUNCTUAL)
			run Fate(t);
#endif
			run Requests(t);
			run Messages(t);
#ifdef DOWNGRADES
			run Downgrades(t);
#endif
#if LATES > 0 || COPIES > 0
			run Network(t);
#endif
			t++
		:: else -> break
		od;
		t = 0;
		do
		:: t < CLIENTS -> run Caller(t); t++
		:: else -> break
		od;
		t = 0;
		do
		:: t < WAITERS ->
			client[t].subscribed = true;
			client[t].counted = true;
			t++
		:: else -> break
		od;
		t = CLIENTS - HOLDERS;
		do
		:: t < CLIENTS ->
			client[t].phase = HOLDING;
			client[t].valid = VALIDITY;
			setLease(t * CALLS, LEASE);
#ifdef SLOTTED
			client[t].slots = node.slots[t * CALLS];
#endif
			t++
		:: else -> break
		od;
		end();
		t = 0
	}
}
