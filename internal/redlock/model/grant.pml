/*
 * A release that grants, on one node: README.md, "Release grants", has the rules. The
 * switches below take a rule away, or an assumption, or bound what may go wrong.
 *
 * A call has a token of its own, and sends numbered acquires: 0 is the bare SET NX, the
 * others are acquires that may get a ticket in line. Requests and messages stand in their
 * token's record until they are executed or read: at any time, in any order, or never.
 */
#ifndef CLIENTS
#define CLIENTS	2
#endif
#ifndef CALLS
#define CALLS	2	/* of each client */
#endif
#ifndef WAITERS
#define WAITERS	CLIENTS	/* the clients after these send a SET NX, and no acquire */
#endif
#ifndef ACQUIRES
#define ACQUIRES	2	/* of each call, after its SET NX */
#endif
#ifndef LATES
#define LATES	0	/* acquires whose call returns before they are executed */
#endif
#ifndef COPIES
#define COPIES	0	/* requests and messages that come twice */
#endif
#ifndef BREAKS
#define BREAKS	0	/* subscriptions that break */
#endif
#ifndef DEATHS
#define DEATHS	0	/* waiters that die */
#endif
#ifndef CRASHES
#define CRASHES	0	/* of the node, which is back with its memory, or without: FORGETS */
#endif
#ifndef NODES
#define NODES	1	/* 2: a replica, and a failover to it */
#endif
#ifndef GRANT
#define GRANT	LEASE	/* ticks that a grant by release lasts */
#endif
#ifndef TICKET
#define TICKET	2	/* ticks that a ticket lasts */
#endif
#ifndef OLD
#define OLD	0	/* ticks from an acquire after which its waiter extends before it returns */
#endif

#include "nodes.pml"

#ifdef TIMELESS
#define DRIFTS	0
#else
#define DRIFTS	FAST
#endif

#define TOKENS		(CLIENTS * CALLS)
#define OWNER(t)	((t) / CALLS)
#ifdef REUSE_TOKEN	/* mutant: a client has one token for all its calls */
#define TOKEN(c)	((c) * CALLS)
#define CURRENT(t)	(client[OWNER(t)].phase != IDLE && client[OWNER(t)].phase != DONE)
#define BEGINS(c)	(!token[TOKEN(c)].pending)
#else
#define BEGINS(c)	true
#define TOKEN(c)	((c) * CALLS + client[c].call)
#define CURRENT(t)	(client[OWNER(t)].phase != IDLE && client[OWNER(t)].call == (t) % CALLS)
#endif
#define BIT(n)		(1 << (n))

typedef Node {
	byte key;	/* token + 1, or 0 */
	byte left;	/* ticks to its expiry */
	byte down;	/* ticks to the end of a restart, or OUT */
	bool stray;	/* a late acquire set the key: its client does not know */
	byte line[TOKENS];	/* tokens + 1, in order */
	byte number[TOKENS];	/* of the acquire that wrote the ticket */
	byte life[TOKENS];	/* ticks that the ticket lasts */
#ifdef FENCES
	byte counter
#endif
}
#define OUT	255

typedef Token {
	byte acquire;	/* the last one's call */
	byte num;	/* its number, until it is executed */
	byte late;	/* bits: acquires that may be executed, and whose answer is not read */
	byte granted;	/* bits: messages "granted", by number */
	bool notified;	/* a notification that the lock is free */
	bool pending;	/* its release, which is a withdrawal too */
	bool again;	/* a copy of it */
	bool withdrawn;	/* it was executed, and no acquire since */
#ifdef WITHDRAW_ONLY
	bool unknown;	/* the call ended without knowing of a grant */
#endif
#ifdef FENCES
	byte issued;	/* with the answer to the acquire */
	byte fence[ACQUIRES + 1]	/* with each message */
#endif
}
#define NONE	0
#define SENT	1
#define TAKEN	2	/* answered: the key has the token */
#define WAITS	3	/* answered: it does not */

typedef Client {
	byte phase;
	byte call;
	byte sent;	/* number of the last acquire */
	byte until[ACQUIRES + 1];	/* validity of a grant after each acquire */
	byte valid;
	byte renewed;	/* what the extension would bring */
	byte extend;	/* NONE, SENT, TAKEN, WAITS */
	bool subscribed;	/* its subscription stands */
	bool counted;	/* and the node counts it, or one before it */
	bool due;	/* an acquire, by a message, a reconnect, a timer */
	bool dead;
	bool overtaken;	/* another client was granted the lock since its own lease began */
#ifdef FENCES
	byte fence
#endif
}
#define IDLE	0
#define WAITING	1
#define EXTENDING 2
#define HOLDING	3
#define DONE	4

Node node[NODES];
Token token[TOKENS];
Client client[CLIENTS];
byte lates, copies, breaks, deaths, crashes;
#ifdef FENCES
byte last;
#endif
#ifdef PUNCTUAL
byte wasted;	/* ticks for which a live client waits, and the lock serves no live one */
#endif
byte k, u, n;	/* scratch, 0 between steps */

#if CLIENTS == 2
#define ANY_CLIENT(is)	(is(0) || is(1))
#define SUM_CLIENTS(is)	(is(0) + is(1))
#else
#define ANY_CLIENT(is)	(is(0) || is(1) || is(2))
#define SUM_CLIENTS(is)	(is(0) + is(1) + is(2))
#endif

#define UP(i)		(node[i].down == 0)
#define VALID(c)	(client[c].phase == HOLDING && client[c].valid > 0)
#define LIVE(c)		(!client[c].dead)
#define WAITER(c)	((c) < WAITERS && LIVE(c) && (client[c].phase == WAITING || client[c].phase == EXTENDING))

/* At rest nothing is under way but what a timer begins. */
#define UNDER_WAY(t)	(token[t].acquire != NONE || token[t].late || token[t].granted || token[t].notified || token[t].pending || token[t].again)
#if CALLS == 1
#define ANY_CALL(c)	UNDER_WAY((c) * CALLS)
#else
#define ANY_CALL(c)	(UNDER_WAY((c) * CALLS) || UNDER_WAY((c) * CALLS + 1))
#endif
#define BUSY(c)		(LIVE(c) && (ANY_CALL(c) || client[c].extend != NONE || (c) < WAITERS && client[c].phase == WAITING && (client[c].due || !client[c].subscribed)))
#define AT_REST		(!ANY_CLIENT(BUSY))
#define KEY		node[0].key
#define SERVES		(KEY != 0 && LIVE(OWNER(KEY-1)) && CURRENT(KEY-1) && client[OWNER(KEY-1)].phase == HOLDING)

/* end ends every step: the second claim of the README's section. */
#if LATES > 0 || COPIES > 0
#define EXCUSED	node[0].stray
#else
#define EXCUSED	false
#endif
#define IN_USE	(SERVES || EXCUSED || KEY == 0 && !ANY_CLIENT(WAITER))
#ifdef RESTS
#define end()	k = 0; u = 0; n = 0; assert(!AT_REST || IN_USE) /* left lying */
#else
#define end()	k = 0; u = 0; n = 0
#endif

/* The line. */
inline dequeue(i, t) {
	k = 0;
	do
	:: k < TOKENS && node[i].line[k] != (t)+1 -> k++
	:: else -> break
	od;
	do
	:: k < TOKENS - 1 -> node[i].line[k] = node[i].line[k+1]; k++
	:: k == TOKENS - 1 -> node[i].line[k] = 0; break
	:: k >= TOKENS -> break
	od;
	node[i].number[t] = 0;
	node[i].life[t] = 0
}

inline enqueue(i, t, num) {
	k = 0;
	do
	:: k < TOKENS && node[i].line[k] != 0 && node[i].line[k] != (t)+1 -> k++
	:: else -> break
	od;
	node[i].line[k] = (t)+1;
	node[i].number[t] = num;
	node[i].life[t] = TICKET
}

#ifdef DEAF		/* NUMSUB counts none, as on a Cluster's other nodes */
#define COUNTED(c)	false
#elif defined(GRANT_DEAF)	/* mutant: every ticket in line may be granted */
#define COUNTED(c)	true
#else
#define COUNTED(c)	client[c].counted
#endif
/* first finds the first in line that a release may grant: u is its token + 1, or 0. */
inline first(i) {
	k = 0;
	do
	:: k < TOKENS && node[i].line[k] != 0 && !COUNTED(OWNER(node[i].line[k] - 1)) -> k++
	:: else -> break
	od;
	u = (k < TOKENS -> node[i].line[k] : 0)
}

inline setKey(i, t, lifetime) {
	node[i].key = (t)+1;
	node[i].left = lifetime;
	node[i].stray = false;
	k = 0;
	do
	:: k < CLIENTS ->
		client[k].overtaken = (k != OWNER(t) && client[k].phase == HOLDING -> true : client[k].overtaken);
		k++
	:: else -> break
	od
}

inline clearKey(i) {
	node[i].key = 0;
	node[i].left = 0;
	node[i].stray = false
}

/* pass serves the line with a lock that is free: it grants, or notifies. */
inline pass(i) {
	clearKey(i);
	first(i);
	if
	:: u != 0 ->
		printf("node %d grants token %d to client %d, which asked by number %d\n", i+1, u, OWNER(u-1)+1, node[i].number[u-1]);
#if NODES == 1		/* a replica may lack the withdrawal */
		assert(!token[u-1].withdrawn);	/* a withdrawn ticket is granted */
#endif
#ifdef PUNCTUAL
		assert(!(client[OWNER(u-1)].dead && node[i].life[u-1] == 0));	/* a dead ticket is granted */
#endif
		n = node[i].number[u-1];
		setKey(i, u-1, GRANT);
#ifdef FENCES
		node[i].counter++;
		token[u-1].fence[n] = node[i].counter;
#endif
		token[u-1].granted = (client[OWNER(u-1)].subscribed -> token[u-1].granted | BIT(n) : token[u-1].granted);
		dequeue(i, u-1)
	:: else ->
#ifndef NO_NOTIFY	/* mutant: a waiter that is not counted is not notified */
		u = node[i].line[0];
		if
		:: u != 0 && client[OWNER(u-1)].subscribed ->
			printf("node %d notifies client %d that the lock is free\n", i+1, OWNER(u-1)+1);
			token[u-1].notified = true
		:: else
		fi
#else
		skip
#endif
	fi
}

/* runAcquire executes acquire num of token t at node i; outcome is what it answers. */
#ifdef FENCES
#define issue(i, t)	node[i].counter++; token[t].issued = node[i].counter
#else
#define issue(i, t)	skip
#endif
inline runAcquire(i, t, num, answered) {
	token[t].withdrawn = false;
	first(i);
	if
	:: num > 0 && node[i].key == (t)+1 ->
		printf("node %d has token %d already, and renews it\n", i+1, (t)+1);
		node[i].left = LEASE;
		issue(i, t);
		dequeue(i, t);
		token[t].acquire = (answered -> TAKEN : token[t].acquire)
	:: node[i].key == 0 && (num == 0 || u == 0 || u == (t)+1) ->
		printf("node %d grants token %d by acquire %d\n", i+1, (t)+1, num);
		setKey(i, t, LEASE);
		node[i].stray = !(answered);
		issue(i, t);
		if
		:: num > 0 -> dequeue(i, t)
		:: else
		fi;
		token[t].acquire = (answered -> TAKEN : token[t].acquire)
	:: else ->
		printf("node %d refuses acquire %d of token %d\n", i+1, num, (t)+1);
		if
		:: num > 0 -> enqueue(i, t, num)
		:: else
		fi;
		token[t].acquire = (answered -> WAITS : token[t].acquire)
	fi
}

#ifdef WITHDRAW_QUIETLY		/* mutant: it serves no waiter if it finds the lock free */
#define SERVED_BY(i, t)	(node[i].key == (t)+1)
#else
#define SERVED_BY(i, t)	(node[i].key == (t)+1 || node[i].key == 0)
#endif
inline runRelease(i, t) {
	printf("node %d releases token %d\n", i+1, (t)+1);
#ifndef KEEP_TICKET	/* mutant: the ticket stays in line */
	dequeue(i, t);
#endif
	token[t].withdrawn = true;
	if
#ifdef WITHDRAW_ONLY	/* mutant: a client that does not know of a grant withdraws its ticket alone */
	:: SERVED_BY(i, t) && !(token[t].unknown && node[i].key == (t)+1) -> pass(i)
#else
	:: SERVED_BY(i, t) -> pass(i)
#endif
	:: else
	fi
}

#define CALLED(t)	(token[t].acquire == SENT)
#ifdef EARLY_RELEASE	/* mutant: a release does not wait for the acquire */
#define RELEASABLE(t)	token[t].pending
#else
#define RELEASABLE(t)	(token[t].pending && !CALLED(t))
#endif

#ifdef FENCES
#define COUNTABLE(i)	(node[i].counter < 8)	/* so that the states are bounded */
#else
#define COUNTABLE(i)	true
#endif

/* What a node executes of one token. */
proctype Requests(byte t; byte i) {
	do
	:: d_step { UP(i) && CALLED(t) ->
		n = token[t].num;
		token[t].num = 0;
		runAcquire(i, t, n, true);
		end()
	}
	:: d_step { UP(i) && (token[t].late & BIT(0)) ->
		token[t].late = token[t].late & ~BIT(0);
		runAcquire(i, t, 0, false);
		end()
	}
	:: d_step { UP(i) && (token[t].late & BIT(1)) ->
		token[t].late = token[t].late & ~BIT(1);
		runAcquire(i, t, 1, false);
		end()
	}
#if ACQUIRES > 1
	:: d_step { UP(i) && (token[t].late & BIT(2)) ->
		token[t].late = token[t].late & ~BIT(2);
		runAcquire(i, t, 2, false);
		end()
	}
#endif
	:: d_step { UP(i) && RELEASABLE(t) ->
		token[t].pending = false;
#ifdef EARLY_RELEASE
		token[t].late = (CALLED(t) -> token[t].late | BIT(token[t].num) : token[t].late);
		token[t].num = 0;
#endif
		token[t].acquire = NONE;
		runRelease(i, t);
		end()
	}
#if COPIES > 0
	:: d_step { UP(i) && token[t].again ->
		token[t].again = false;
		runRelease(i, t);
		end()
	}
#endif
	:: d_step { UP(i) && CURRENT(t) && client[OWNER(t)].extend == SENT && COUNTABLE(i) ->
		client[OWNER(t)].extend = (node[i].key == t+1 -> TAKEN : WAITS);
		if
		:: node[i].key == t+1 -> printf("node %d extends token %d\n", i+1, t+1)
		:: else -> printf("node %d does not have token %d to extend\n", i+1, t+1)
		fi;
		node[i].left = (node[i].key == t+1 -> LEASE : node[i].left);
#if defined(FENCES) && !defined(OLD_FENCE)
		client[OWNER(t)].fence = (node[i].key == t+1 -> node[i].counter + 1 : 0);
		node[i].counter = (node[i].key == t+1 -> node[i].counter + 1 : node[i].counter);
#endif
		end()
	}
	od
}

inline hold(c, validity) {
	printf("client %d holds the lock by token %d, for %d tick(s)\n", c+1, TOKEN(c)+1, validity);
	client[c].phase = HOLDING;
	client[c].valid = validity;
	client[c].renewed = 0;
	client[c].extend = NONE;
	client[c].due = false;
	client[c].overtaken = false;
	k = 0;
	do
	:: k <= ACQUIRES && k != client[c].sent -> client[c].until[k] = 0; k++
	:: k <= ACQUIRES && k == client[c].sent -> k++
	:: else -> break
	od;
#ifdef FENCES
	assert(client[c].fence > last);	/* fences grow */
	last = client[c].fence;
	client[c].fence = 0;
#endif
	assert(SUM_CLIENTS(VALID) <= 1)	/* two valid holders */
}

inline beginExtend(c) {
	printf("client %d extends token %d before it returns\n", c+1, TOKEN(c)+1);
	client[c].phase = EXTENDING;
	client[c].extend = SENT;
	client[c].renewed = VALIDITY;
	client[c].due = false
}

#ifdef NO_NUMBER	/* mutant: the message has no number, so the last acquire counts */
#define COUNTS_FROM(c, num)	client[c].until[client[c].sent]
#elif defined(LATE_START)	/* mutant: validity counts from the message */
#define COUNTS_FROM(c, num)	VALIDITY
#else
#define COUNTS_FROM(c, num)	client[c].until[num]
#endif
#ifdef NO_EXTENSION	/* mutant: a grant that lasts less than a lease is taken for one */
#define FRESH(c, num)	(COUNTS_FROM(c, num) > 0)
#elif defined(LESS_VALID)	/* variant: it returns with what validity is left */
#define FRESH(c, num)	(COUNTS_FROM(c, num) > 0 && GRANT == LEASE)
#else
#define FRESH(c, num)	(COUNTS_FROM(c, num) > 0 && COUNTS_FROM(c, num) >= VALIDITY - OLD && GRANT == LEASE)
#endif

inline readGranted(c, t, num) {
	if
	:: CURRENT(t) && client[c].phase == WAITING && FRESH(c, num) ->
#ifdef FENCES
		client[c].fence = token[t].fence[num];
#endif
		hold(c, COUNTS_FROM(c, num))
	:: CURRENT(t) && client[c].phase == WAITING && !FRESH(c, num) ->
#ifdef KEEP_TOKEN	/* mutant: it gives an old grant back, and waits on by the same token */
		token[t].pending = true;
		client[c].due = true
#else
#ifdef FENCES
		client[c].fence = token[t].fence[num];
#endif
		beginExtend(c)
#endif
	:: !CURRENT(t) ->
		printf("client %d does not want token %d any more\n", c+1, t+1);
#ifdef WITHDRAW_ONLY
		token[t].unknown = false;
#endif
#ifndef KEEP_UNWANTED	/* mutant: what is not wanted is not given back */
		token[t].pending = true
#endif
	:: else
	fi;
#ifdef FENCES
	token[t].fence[num] = 0
#endif
}

proctype Messages(byte t) {
	do
	:: d_step { token[t].granted && client[OWNER(t)].subscribed && LIVE(OWNER(t)) ->
		n = 0;
		do
		:: !(token[t].granted & BIT(n)) -> n++
		:: else -> break
		od;
		u = n;
		printf("client %d reads that token %d is granted by acquire %d\n", OWNER(t)+1, t+1, u);
		token[t].granted = token[t].granted & ~BIT(u);
		readGranted(OWNER(t), t, u);
		end()
	}
#if COPIES > 0
	:: d_step { token[t].granted && client[OWNER(t)].subscribed && LIVE(OWNER(t)) && copies < COPIES ->
		n = 0;
		do
		:: !(token[t].granted & BIT(n)) -> n++
		:: else -> break
		od;
		u = n;
		copies++;
		printf("client %d reads that token %d is granted by acquire %d, and will again\n", OWNER(t)+1, t+1, u);
		readGranted(OWNER(t), t, u);
		end()
	}
#endif
	:: d_step { token[t].notified && client[OWNER(t)].subscribed && LIVE(OWNER(t)) ->
		printf("client %d reads that the lock is free\n", OWNER(t)+1);
		token[t].notified = false;
		client[OWNER(t)].due = (CURRENT(t) && client[OWNER(t)].phase == WAITING -> true : client[OWNER(t)].due);
		end()
	}
	od
}

inline sendAcquire(c) {
	client[c].due = false;
	client[c].until[client[c].sent] = VALIDITY;
	token[TOKEN(c)].acquire = SENT;
	token[TOKEN(c)].num = client[c].sent;
	printf("client %d sends acquire %d of token %d\n", c+1, client[c].sent, TOKEN(c)+1)
}

inline endCall(c) {
	token[TOKEN(c)].pending = true;
#ifdef WITHDRAW_ONLY
	token[TOKEN(c)].unknown = (client[c].phase == WAITING && token[TOKEN(c)].acquire == NONE);
#endif
	client[c].call++;
	client[c].phase = (client[c].call == CALLS -> DONE : IDLE);
	client[c].sent = 0;
	client[c].valid = 0;
	client[c].renewed = 0;
	client[c].extend = NONE;
	client[c].due = false;
	client[c].overtaken = false;
#ifdef FENCES
	client[c].fence = 0;
#endif
	k = 0;
	do
	:: k <= ACQUIRES -> client[c].until[k] = 0; k++
	:: else -> break
	od
}

#define ANSWERED(c)	(token[TOKEN(c)].acquire == TAKEN || token[TOKEN(c)].acquire == WAITS)
#define IN_CALL(c)	(LIVE(c) && client[c].phase != IDLE && client[c].phase != DONE)
#ifdef LATE_REVIVES	/* mutant: a late "granted" makes a lease valid again */
#define UNBROKEN(c)	true
#else
#define UNBROKEN(c)	(client[c].valid > 0)
#endif

inline dropMessages(c) {
	k = 0;
	do
	:: k < TOKENS ->
		token[k].granted = (OWNER(k) == c -> 0 : token[k].granted);
		token[k].notified = (OWNER(k) == c -> false : token[k].notified);
		k++
	:: else -> break
	od
}

#ifdef KILLED		/* before it was granted the lock, and the node sees its connections end */
#define DIES(c)	(KEY != TOKEN(c) + 1)
#else
#define DIES(c)	true
#endif

proctype Caller(byte c) {
	do
	:: d_step { LIVE(c) && client[c].phase == IDLE && BEGINS(c) ->
		client[c].phase = WAITING;
		sendAcquire(c);
		end()
	}
	:: d_step { LIVE(c) && client[c].phase == WAITING && token[TOKEN(c)].acquire == NONE && client[c].sent < ACQUIRES && c < WAITERS ->
		client[c].sent++;
		sendAcquire(c);
		end()
	}
	:: d_step { IN_CALL(c) && ANSWERED(c) ->
		printf("client %d reads the answer to acquire %d\n", c+1, client[c].sent);
		u = token[TOKEN(c)].acquire;
		token[TOKEN(c)].acquire = NONE;
#ifdef FENCES
		client[c].fence = (client[c].phase == WAITING && u == TAKEN -> token[TOKEN(c)].issued : client[c].fence);
		token[TOKEN(c)].issued = 0;
#endif
		if
		:: u == TAKEN && client[c].phase == WAITING && client[c].until[client[c].sent] > 0 -> hold(c, client[c].until[client[c].sent])
		:: u == TAKEN && client[c].phase == WAITING && client[c].until[client[c].sent] == 0 -> beginExtend(c)
		:: u == TAKEN && client[c].phase == HOLDING && UNBROKEN(c) && client[c].until[client[c].sent] > client[c].valid ->
			printf("it belongs to the lease\n");
			assert(!client[c].overtaken);	/* a lost lease is revived */
			client[c].valid = client[c].until[client[c].sent]
		:: u == WAITS && client[c].phase == WAITING && client[c].sent == 0 && c < WAITERS -> client[c].due = true
		:: else
		fi;
		end()
	}
	:: d_step { LIVE(c) && client[c].phase == EXTENDING && client[c].extend == TAKEN ->
		if
		:: client[c].renewed > 0 -> u = client[c].renewed; hold(c, u)
		:: else -> beginExtend(c)
		fi;
		end()
	}
	:: d_step { LIVE(c) && client[c].phase == EXTENDING && client[c].extend == WAITS ->
		printf("client %d waits on\n", c+1);
		client[c].phase = WAITING;
		client[c].extend = NONE;
		client[c].renewed = 0;
		client[c].due = true;
		end()
	}
	:: d_step { IN_CALL(c) ->
		printf("client %d unlocks, or is cancelled: token %d\n", c+1, TOKEN(c)+1);
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
	:: d_step { WAITER(c) && deaths < DEATHS && client[c].phase == WAITING && token[TOKEN(c)].acquire == NONE && DIES(c) ->
		printf("client %d dies\n", c+1);
		deaths++;
		client[c].dead = true;
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
#define LESS(n)		(n > 0 && n < OUT -> n - 1 : n)
#define TIMED(i)	(node[i].left > 0 || node[i].down > 0 && node[i].down < OUT || node[i].line[0])
#define TIMER(c)	(client[c].valid > 0 || client[c].renewed > 0 || client[c].until[0] || client[c].until[1] || client[c].until[ACQUIRES])
#if NODES == 1
#define ANY_NODE(is)	is(0)
#else
#define ANY_NODE(is)	(is(0) || is(1))
#endif
#ifdef PUNCTUAL		/* what is under way is done before a tick passes */
#define MAY_TICK	AT_REST
#else
#define MAY_TICK	(ANY_NODE(TIMED) || ANY_CLIENT(TIMER))
#endif

inline age(i) {
	node[i].left = LESS(node[i].left);
	node[i].down = LESS(node[i].down);
	if
	:: node[i].left == 0 && node[i].key != 0 -> clearKey(i)
	:: else
	fi;
	u = 0;
	do
	:: u < TOKENS ->
		if
		:: node[i].life[u] > 1 -> node[i].life[u]--
#ifdef GRANT_DEAD	/* mutant: a ticket's life is not checked */
		:: node[i].life[u] == 1 -> node[i].life[u] = 0
#else
		:: node[i].life[u] == 1 -> dequeue(i, u)
#endif
		:: else
		fi;
		u++
	:: else -> break
	od;
	u = 0
}

inline grow(c) {
	client[c].valid = LESS(client[c].valid);
	client[c].renewed = LESS(client[c].renewed);
	k = 0;
	do
	:: k <= ACQUIRES -> client[c].until[k] = LESS(client[c].until[k]); k++
	:: else -> break
	od;
#ifdef PUNCTUAL
	client[c].due = (WAITER(c) && client[c].phase == WAITING -> true : client[c].due)
#endif
}

proctype Clock() {
	byte i;
	do
	:: d_step { MAY_TICK ->
		printf("a tick passes\n");
#ifdef PUNCTUAL
		wasted = (!SERVES && ANY_CLIENT(WAITER) -> wasted + 1 : 0);
		assert(wasted <= WASTE);	/* a live waiter waits for a dead one */
#endif
		do
		:: i < NODES -> age(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < CLIENTS -> grow(i); i++
		:: else -> break
		od;
		i = 0;
		end()
	}
	od
}

proctype Fate(byte i) {
	do
	:: d_step { node[i].key != 0 && node[i].left <= DRIFTS && UP(i) ->
		printf("node %d lets token %d end, %d tick(s) early\n", i+1, node[i].key, node[i].left);
		clearKey(i);
		end()
	}
	od
}

inline forgetLine(i) {
	clearKey(i);
	u = 0;
	do
	:: u < TOKENS -> dequeue(i, u); u++
	:: else -> break
	od
}

inline breakAll() {
	u = 0;
	do
	:: u < CLIENTS ->
		client[u].subscribed = false;
		client[u].counted = false;
		u++
	:: else -> break
	od
}

/* A restart: subscriptions end, what was published may still be read. */
proctype Crash() {
	do
#if CRASHES > 0
	:: d_step { crashes < CRASHES && UP(0) ->
		crashes++;
#ifdef FORGETS
		printf("node 1 restarts without its memory\n");
		forgetLine(0);
		node[0].down = ABSENCE;
#else
		printf("node 1 restarts with its memory\n");
#endif
		breakAll();
		end()
	}
#endif
	:: false -> skip
	od
}

#if NODES == 2
#ifdef LOSE_GRANTS	/* the writes that the replica lacks may have a grant among them */
#define COMPLETE	true
#else
#define COMPLETE	(node[0].key == 0 || node[1].key == node[0].key && node[1].left == node[0].left)
#endif
/* The replica is what the master was at some time; a failover, and with TWO_MASTERS
 * both are up until the old one goes. */
proctype Failover() {
	byte j;
	do
	:: d_step { node[1].down == OUT && UP(0) ->
		printf("the replica follows\n");
		node[1].key = node[0].key;
		node[1].left = node[0].left;
		node[1].stray = node[0].stray;
		do
		:: j < TOKENS ->
			node[1].line[j] = node[0].line[j];
			node[1].number[j] = node[0].number[j];
			node[1].life[j] = node[0].life[j];
			j++
		:: else -> break
		od;
		j = 0;
		end()
	}
	:: d_step { node[1].down == OUT && UP(0) && COMPLETE ->
		printf("the replica becomes a master\n");
		node[1].down = 0;
#ifndef TWO_MASTERS
		forgetLine(0);
		node[0].down = OUT;
		breakAll();
#endif
		end()
	}
#ifdef TWO_MASTERS
	:: d_step { UP(1) && UP(0) ->
		printf("the old master goes\n");
		forgetLine(0);
		node[0].down = OUT;
		breakAll();
		end()
	}
#endif
	od
}
#endif

init {
	byte t, i;
	atomic {
#if NODES == 2
		node[1].down = OUT;
		run Failover();
#endif
#ifndef TIMELESS
		run Clock();
#endif
#if CRASHES > 0
		run Crash();
#endif
		do
		:: i < NODES ->
#if !defined(TIMELESS) && !defined(PUNCTUAL)
			run Fate(i);
#endif
			t = 0;
			do
			:: t < TOKENS -> run Requests(t, i); t++
			:: else -> break
			od;
			i++
		:: else -> break
		od;
		t = 0;
		do
		:: t < TOKENS ->
			run Messages(t);
#if LATES > 0 || COPIES > 0
			run Network(t);
#endif
			t++
		:: else -> break
		od;
		i = 0;
		do
		:: i < CLIENTS -> run Caller(i); i++
		:: else -> break
		od;
#ifdef HELD		/* the last client holds the lock, and the first has subscribed: fewer states */
		t = (CLIENTS - 1) * CALLS;
		client[CLIENTS - 1].phase = HOLDING;
		client[CLIENTS - 1].valid = VALIDITY;
		setKey(0, t, LEASE);
		client[0].subscribed = true;
		client[0].counted = true;
#if WAITERS > 1
		client[1].subscribed = true;
		client[1].counted = true;
#endif
		end();
#endif
		i = 0;
		t = 0
	}
}
