/*
 * The mutex on N nodes: what the engine does for a lease, from the first request
 * of a try to the last release. README.md says what is modelled, what is left out
 * and why, and what each switch below turns off or breaks.
 *
 * A call stands in its node's record from the moment it is sent until it is
 * executed: at any time, in any order, or never, which is loss. Every step is one
 * d_step: a state of the model is a state of the protocol, and nothing between.
 */

#ifndef CLIENTS
#define CLIENTS	2
#endif
#ifndef TRIES
#define TRIES	2	/* tries of each client, each with a token of its own */
#endif
#ifndef EXTENDS
#define EXTENDS	1	/* extensions of each lease */
#endif
#ifndef CRASHES
#define CRASHES	1	/* crashes, of all nodes together */
#endif
#ifndef MEMORY
#define MEMORY	0	/* 1: a node that crashes keeps its memory; 0: it forgets all */
#endif

#include "nodes.pml"

#define TOKENS		(CLIENTS * TRIES)
#define OWNER(t)	((t) / TRIES)
#define TOKEN(c)	((c) * TRIES + client[c].try)
#define CURRENT(t)	(client[OWNER(t)].try == (t) % TRIES)
#define ENDED(t)	(client[OWNER(t)].try > (t) % TRIES)

/* VALUE is what a node keeps for token t; it takes t's call also where it has v. */
#ifdef ONE_TOKEN		/* mutant: one value for all tries of a client */
#define VALUE(t)	(OWNER(t) + 1)
#define REPLACES(t, v)	(v == VALUE(t))
#define HOLDER(v)	((v) - 1)
#else
#define VALUE(t)	((t) + 1)
#define REPLACES(t, v)	(v > OWNER(t) * TRIES && v <= (t) + 1)
#define HOLDER(v)	OWNER((v) - 1)
#endif

/*
 * Tokens are unique, and a release only deletes its own. So a release of a token
 * that is not there does nothing, and is taken for answered, but in these mutants.
 */
#if defined(ONE_TOKEN) || defined(BLIND_RELEASE)
#define TIDY	false
#else
#define TIDY	true
#endif
#define HAS(i, t)	(node[i].value == VALUE(t) || !TIDY)

#if defined(OVERLAPPING_OFFERS) || defined(RUN_TWICE)
#define OVERLAPS
#endif

typedef Voter {		/* a node as one client's current lease sees it */
	byte extend;
	bool probation;	/* repaired: no vote until a round was won without it */
#ifdef OVERLAPS
	bool overlaps;	/* an offer that is not the one in `extend` may yet run */
#endif
#ifdef FENCES
	byte number;	/* that it gave with its vote */
	bool written	/* the agreed number was written back */
#endif
}

typedef Node {
	byte value;	/* the key's: 0 when there is none */
	byte left;	/* ticks to its expiry */
	byte down;	/* ticks to the end of a restart */
	bool halted;	/* crashed, with its memory kept */
#ifdef FENCES
	byte counter;	/* of grants; 0 when there is none */
	bool ahead;	/* its clock is ahead of others */
#endif
	byte stake[TOKENS];
	Voter voter[CLIENTS]
}

/* A stake: what is known or under way for one token at one node. */
#define NONE	0
#define SENT	1	/* an acquire or a repair; no release before it has returned */
#define GRANTED	2	/* its answer: granted */
#define PENDING	3	/* a release, sent again until it is answered */
#define CROSSED	4	/* mutant EARLY_RELEASE: both at once */
#define PASSED	5	/* the same, and the release came first */

/* What became of an extension. */
#define UNASKED	0
#define ASKED	1
#define KEPT	2	/* the token is there: a vote */
#define MUTED	3	/* it is there, on probation: no vote */
#define MISSING	4	/* nothing is there */
#define OFFERED	5	/* asked to renew, or to yield to another client in line */
#define YIELDED	6	/* it was there, and was released */
#define LATE	7	/* an offer of an earlier round: its answer is no vote */

typedef Client {
	byte phase;
	byte try;
	byte valid;	/* ticks to the end of the lease's validity, or of the try's */
	byte extends;	/* extensions so far */
	bool won;	/* the last one was won */
	byte renewed;	/* ticks to the end of the validity that it would bring */
	bool overtaken;	/* another client was granted the lock since */
	bool lost;	/* fewer nodes than a majority had the token, at some time since */
	bool revived;	/* and so it was when the extension was sent */
#ifdef PASSES
	byte passes;	/* of this lease so far */
	byte fresh;	/* ticks to the end of the tenure */
	byte trip;	/* ticks from the request that proved the lease to the decision */
	byte missing;	/* 1 + ticks since fewer nodes than a majority have the token */
	bool handed;	/* a goroutine gave the token to another process */
	bool own;	/* and is still in its section */
	bool gone;	/* the other process has unlocked */
	bool over;	/* and thus ended the section */
#endif
#ifdef FENCES
	byte fence;	/* the number that it is about to get, or has */
	byte spare;	/* numbers of the block that are left */
	byte rest	/* mutant REST_AFTER_LOSS: the first of them, after the lease */
#endif
}
#define IDLE	0
#define ASKING	1
#define HOLDING	2
#define WRITING	3	/* the fence back to a majority */
#define PASSING	4	/* unlocked after the tenure, and the lease offered to the nodes */

Node node[NODES];
Client client[CLIENTS];
byte crashes, jumps, suspends;

#if CLIENTS == 2
#define EXCHANGEABLE
#endif
#include "symmetry.pml"

#define UP(i)		(node[i].down == 0 && !node[i].halted)
#ifdef PASSES
#define LEASED(c)	(client[c].phase == HOLDING || client[c].phase == PASSING)
#define VALID(c)	(client[c].phase == HOLDING && client[c].valid > 0 && !client[c].over)
#else
#define LEASED(c)	(client[c].phase == HOLDING)
#define VALID(c)	(client[c].phase == HOLDING && client[c].valid > 0)
#endif

#ifdef LATE_START	/* mutant: validity counts from the deciding answer */
#define IN_TIME(c)	true
#else
#define IN_TIME(c)	(client[c].valid > 0)
#endif

#if defined(SET_ON_EXTEND) || defined(ADOPTED)
#define EXTENDABLE(c)	true	/* the votes alone decide */
#else
#define EXTENDABLE(c)	(client[c].valid > 0)
#endif

/* At most one client is valid. Checked wherever one becomes so. */
#ifdef FORGETFUL	/* nodes may forget, so this fails: only revival is looked for */
#define checkExclusion()	skip
#else
#define checkExclusion()	assert(SUM_CLIENTS(VALID) <= 1) /* two valid holders */
#endif

#define PRESENT(i, c)	(node[i].value == VALUE(TOKEN(c)) -> 1 : 0)
#define LOSES(c)	(LEASED(c) && SUM(PRESENT, c) < QUORUM)

#ifdef PASSES
#define noteLoss(c) \
	client[c].lost = client[c].lost || LOSES(c); \
	client[c].missing = (client[c].lost && client[c].missing == 0 -> 1 : client[c].missing)
#else
#define noteLoss(c)	client[c].lost = client[c].lost || LOSES(c)
#endif

/* end is the end of every step. */
#if defined(FORGETFUL) && CLIENTS == 1
#define end() \
	noteLoss(0); \
	normal()
#elif defined(FORGETFUL)
#define end() \
	noteLoss(0); \
	noteLoss(1); \
	normal()
#else
#define end()	normal()
#endif

/* A dead token that its client takes for settled is not there. */
#ifdef ONE_TOKEN
#define checkResidue(i, t)	skip
#else
#define checkResidue(i, t) \
	assert(!(ENDED(t) && node[i].stake[t] == NONE && node[i].value == VALUE(t))) /* residue */
#endif

#define GRANTS(i, c)	(node[i].stake[TOKEN(c)] == GRANTED -> 1 : 0)
#define WRITES(i, c)	(node[i].voter[c].written -> 1 : 0)
#ifdef COUNT_YIELDED	/* mutant: a node that had the token votes, also as it released it */
#define KEEPS(i, c)	(node[i].voter[c].extend == KEPT || node[i].voter[c].extend == YIELDED -> 1 : 0)
#else
#define KEEPS(i, c)	(node[i].voter[c].extend == KEPT -> 1 : 0)
#endif

#include "fence.pml"

/* vanish takes the key away, however that comes. */
inline vanish(i) {
	k = 0;
	do
	:: k < TOKENS ->
		if
		:: TIDY && VALUE(k) == node[i].value && (node[i].stake[k] == PENDING
			|| node[i].stake[k] == GRANTED && LEASED(OWNER(k))) ->
			node[i].stake[k] = NONE
		:: else
		fi;
		k++
	:: else -> break
	od;
	k = 0;
	node[i].value = 0;
	node[i].left = 0
}

inline put(i, t) {
	vanish(i);
	node[i].value = VALUE(t);
	node[i].left = LEASE
}

/* ANSWERED: the acquire runs, and is granted or refused. With PASSES it is not refused:
 * it stays in line. */
#ifdef PASSES
#define ANSWERED(i, t)	(node[i].value == 0 || REPLACES(t, node[i].value) || CURRENT(t) && LEASED(OWNER(t)) || ENDED(t))
#else
#define ANSWERED(i, t)	true
#endif

/* grant runs mutex_acquire for token t. */
inline grant(i, t) {
	if
	:: node[i].value == 0 || REPLACES(t, node[i].value) ->
		put(i, t);
		printf("node %d grants token %d to client %d\n", i+1, t+1, OWNER(t)+1);
#ifdef FENCES
		countGrant(i, t);
#endif
		node[i].stake[t] = (ENDED(t) -> PENDING : GRANTED)
	:: else ->
		printf("node %d refuses token %d of client %d\n", i+1, t+1, OWNER(t)+1);
		node[i].stake[t] = NONE
	fi
}

/* The calls of one token to one node. */
proctype Calls(byte t; byte i) {
	byte k;
	do
	/*
	 * An acquire or a repair is executed. If its token has ended, the release
	 * follows. An answer that is lost needs no step of its own: the client may
	 * give up whatever the answer was, and a release may be on its way for ever.
	 */
	:: d_step { UP(i) && node[i].stake[t] == SENT && ANSWERED(i, t) ->
		grant(i, t);
#ifdef MUTE_STRAGGLERS	/* what granted after the try was won is on probation too */
		if
		:: CURRENT(t) && LEASED(OWNER(t)) && node[i].stake[t] == GRANTED ->
			node[i].voter[OWNER(t)].probation = true
		:: else
		fi;
#endif
		checkResidue(i, t);
		end()
	}
	/* A release is executed and answered; until then it is as if not sent. */
	:: d_step { UP(i) && node[i].stake[t] == PENDING ->
		printf("node %d gets the release of token %d of client %d\n", i+1, t+1, OWNER(t)+1);
		node[i].stake[t] = NONE;
		if
#ifdef BLIND_RELEASE	/* mutant: it deletes any token that is there */
		:: true -> vanish(i)
#else
		:: node[i].value == VALUE(t) -> vanish(i)
#endif
		:: else
		fi;
		checkResidue(i, t);
		end()
	}
#ifdef EARLY_RELEASE
	:: d_step { UP(i) && node[i].stake[t] == CROSSED ->
		printf("node %d has nothing to delete for token %d of client %d\n", i+1, t+1, OWNER(t)+1);
		node[i].stake[t] = PASSED;
		end()
	}
	:: d_step { UP(i) && node[i].stake[t] == CROSSED ->
		grant(i, t);
		end()
	}
	:: d_step { UP(i) && node[i].stake[t] == PASSED ->
		grant(i, t);
		node[i].stake[t] = NONE;	/* the release has been answered */
		checkResidue(i, t);
		end()
	}
#endif
	od
}

#if EXTENDS > 0
#ifdef JUST_OFFERS	/* no extensions of any other kind */
#define OFFERS_ONLY	true
#else
#define OFFERS_ONLY	false
#endif

/* UNDER_WAY: the node was asked, and has not answered. */
#ifdef PASSES
#ifdef OFFER_TO_STRAGGLERS	/* mutant: a token that was put there late votes */
#define ARRIVING(i, c)	false
#else
#define ARRIVING(i, c)	(node[i].stake[TOKEN(c)] == SENT)
#endif
#define OFFERS(i, c)	(node[i].voter[c].extend == OFFERED || node[i].voter[c].extend == LATE)
#define UNDER_WAY(i, c)	(node[i].voter[c].extend == ASKED || OFFERS(i, c))
#else
#define UNDER_WAY(i, c)	(node[i].voter[c].extend == ASKED)
#endif

/* mend follows up an extension that was won: mend in repair.go. */
inline mend(i, c) {
	if
	:: node[i].voter[c].extend == MISSING && node[i].stake[TOKEN(c)] != SENT && client[c].valid > 0 ->
		printf("client %d repairs token %d at node %d\n", c+1, TOKEN(c)+1, i+1);
		node[i].stake[TOKEN(c)] = SENT;
		node[i].voter[c].probation = (client[c].extends < EXTENDS)
	:: node[i].voter[c].extend == MUTED -> node[i].voter[c].probation = false
	:: else
	fi;
	node[i].voter[c].extend = (UNDER_WAY(i, c) -> node[i].voter[c].extend : UNASKED)
}

/* keep extends client c's token at node i, which has it. */
inline keep(i, c) {
	node[i].left = LEASE;
#ifdef COUNT_REPAIRED	/* mutant: a repaired node votes */
	node[i].voter[c].extend = KEPT;
#else
	node[i].voter[c].extend = (node[i].voter[c].probation -> MUTED : KEPT);
#endif
	printf("node %d extends token %d of client %d\n", i+1, TOKEN(c)+1, c+1)
}

inline refuseToKeep(i, c) {
	node[i].voter[c].extend = (node[i].value == 0 -> MISSING : UNASKED);
	printf("node %d has no token %d of client %d to extend\n", i+1, TOKEN(c)+1, c+1)
}

/* The extension of one client's current lease at one node. */
proctype Extension(byte c; byte i) {
	byte k, t;
	do
	:: d_step { UP(i) && node[i].voter[c].extend == ASKED ->
		if
#ifdef SET_ON_EXTEND	/* mutant, or WithSetNXOnExtend: it writes what is missing */
		:: node[i].value == 0 ->
			t = TOKEN(c);
			put(i, t);
			node[i].stake[t] = GRANTED;
			t = 0;
			node[i].voter[c].extend = KEPT;
			printf("node %d sets token %d of client %d again\n", i+1, TOKEN(c)+1, c+1)
#endif
		:: node[i].value == VALUE(TOKEN(c)) -> keep(i, c)
		:: else -> refuseToKeep(i, c)
		fi;
		if
		:: client[c].won -> mend(i, c)
		:: else
		fi;
		end()
	}
	od
}
#endif

#include "pass.pml"

/* giveUp ends client c's token and sends the releases that can be sent. */
inline giveUp(c) {
	i = 0;
	t = TOKEN(c);
	client[c].try++;
	client[c].phase = IDLE;
	client[c].valid = 0;
	client[c].extends = 0;
	client[c].won = false;
	client[c].renewed = 0;
	client[c].overtaken = false;
	client[c].lost = false;
	client[c].revived = false;
#ifdef FENCES
	dropBlock(c);
#endif
#ifdef PASSES
	forgetPasses(c);
#endif
	do
	:: i < NODES ->
		node[i].voter[c].extend = UNASKED;
		node[i].voter[c].probation = false;
#ifdef OVERLAPS
		node[i].voter[c].overlaps = false;
#endif
#ifdef FENCES
		node[i].voter[c].number = 0;
		node[i].voter[c].written = false;
#endif
		if
		:: node[i].stake[t] == GRANTED -> node[i].stake[t] = (HAS(i, t) -> PENDING : NONE)
#ifdef EARLY_RELEASE	/* mutant: it does not wait for the acquire */
		:: node[i].stake[t] == SENT -> node[i].stake[t] = CROSSED
#endif
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	t = 0
}

/* STRAGGLES: the acquire is still on its way when its try has been won. */
#ifdef PUNCTUAL		/* such an acquire is lost, and never grants */
#define STRAGGLES(i, c)	(node[i].stake[TOKEN(c)] == SENT)
#else
#define STRAGGLES(i, c)	false
#endif

/* begin makes a lease of client c's try. */
inline begin(c) {
	printf("client %d holds the lock\n", c+1);
	client[c].phase = HOLDING;
#ifdef LATE_START
	client[c].valid = VALIDITY;
#endif
	do
	:: i < NODES ->
		node[i].stake[TOKEN(c)] = (STRAGGLES(i, c) || GRANTS(i, c) && !HAS(i, TOKEN(c)) -> NONE : node[i].stake[TOKEN(c)]);
		i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < CLIENTS ->
		client[i].overtaken = client[i].overtaken || i != c && LEASED(i) && EXTENDS > 0;
		i++
	:: else -> break
	od;
	i = 0;
#ifdef FENCES
	checkFence(c);
#endif
#ifdef PASSES
	startTenure(c, client[c].valid);
#endif
	checkExclusion()
}

#if EXTENDS > 0
/*
 * ask begins a round: of extensions, or of offers. A node that was offered the lease
 * and has not answered is left out of it, as it may release the token at any later
 * time. So is a node from an offer to which an acquire or a repair is under way: as
 * offers release tokens before their time, a token that is put there late proves
 * nothing.
 */
inline ask(c, how) {
	client[c].extends++;
	client[c].won = false;
	client[c].revived = client[c].lost;
	client[c].renewed = VALIDITY;
	do
	:: i < NODES ->
#if defined(OVERLAPPING_OFFERS)	/* mutant: that node is asked, too */
		node[i].voter[c].overlaps = node[i].voter[c].overlaps || OFFERS(i, c);
		node[i].voter[c].extend = (how == OFFERED && ARRIVING(i, c) -> UNASKED : how);
#elif defined(PASSES)
		node[i].voter[c].extend = (OFFERS(i, c) -> LATE : (how == OFFERED && ARRIVING(i, c) -> UNASKED : how));
#else
		node[i].voter[c].extend = how;
#endif
		i++
	:: else -> break
	od;
	i = 0
}
#endif

/* One client: it tries, holds, extends, and lets go, at any time. */
proctype Locker(byte c) {
	byte i, m, t;
	do
	/* A try asks all nodes. Validity counts from before the first request. */
	:: d_step { client[c].phase == IDLE && client[c].try < TRIES ->
		printf("client %d asks all nodes for token %d\n", c+1, TOKEN(c)+1);
		client[c].phase = ASKING;
		client[c].valid = VALIDITY;
		do
		:: i < NODES -> node[i].stake[TOKEN(c)] = SENT; i++
		:: else -> break
		od;
		i = 0;
		end()
	}
	:: d_step { client[c].phase == ASKING && IN_TIME(c) && SUM(GRANTS, c) >= NEEDED(c) ->
#ifdef FENCES
		choose(c);
#endif
		if
		:: client[c].phase == ASKING -> begin(c)
		:: else
		fi;
		end()
	}
#ifdef FENCES
	:: d_step { client[c].phase == WRITING && IN_TIME(c) && SUM(WRITES, c) >= QUORUM ->
		begin(c);
		end()
	}
	:: d_step { client[c].phase == WRITING ->
		printf("client %d gives its try up\n", c+1);
		giveUp(c);
		end()
	}
#endif
	/* Refused, without answers, too late, or its caller has gone. */
	:: d_step { client[c].phase == ASKING ->
		printf("client %d gives its try up\n", c+1);
		giveUp(c);
		end()
	}
	/* Unlock, also past the end of the validity. */
	:: d_step { client[c].phase == HOLDING ->
		printf("client %d unlocks\n", c+1);
		giveUp(c);
		end()
	}
#if EXTENDS > 0
	/* A round that has failed differs from one that is open only in that the
	 * next may begin. */
	:: d_step { client[c].phase == HOLDING && EXTENDABLE(c) && client[c].extends < EXTENDS && !OFFERS_ONLY ->
		printf("client %d asks all nodes to extend token %d\n", c+1, TOKEN(c)+1);
		ask(c, ASKED);
		end()
	}
	:: d_step { client[c].renewed > 0 && EXTENDABLE(c) && SUM(KEEPS, c) >= NEEDED(c) && !WITHHELD(c) ->
		printf("client %d has extended its lease\n", c+1);
#ifdef FORGETFUL
		assert(!client[c].revived);	/* a lost lease was extended */
		client[c].revived = false;
#else
		assert(!client[c].overtaken);	/* extended after another's grant */
#endif
		client[c].won = true;
		client[c].valid = client[c].renewed;
		client[c].renewed = 0;
		do
		:: i < NODES -> mend(i, c); i++
		:: else -> break
		od;
		i = 0;
#ifdef PASSES
		startTenure(c, client[c].valid);
		if
		:: client[c].phase == PASSING -> pass(c)
		:: else
		fi;
#endif
		checkExclusion();
		end()
	}
#endif
#ifdef PASSES
	/* Unlock within the tenure gives the lease to the next goroutine. */
	:: d_step { client[c].phase == HOLDING && NEXT(c) && FRESH(c) && UNEXPIRED(c) && !HANDED(c) ->
		pass(c);
		end()
	}
#if EXTENDS > 0
	/* Unlock after the tenure: the nodes are asked. The model may ask before, too. */
	:: d_step { client[c].phase == HOLDING && NEXT(c) && client[c].valid > 0 && !HANDED(c) && client[c].extends < EXTENDS ->
		printf("client %d offers token %d to all nodes\n", c+1, TOKEN(c)+1);
		client[c].phase = PASSING;
		ask(c, OFFERED);
		end()
	}
	/* Denied, yielded, not answered, or too late. */
	:: d_step { client[c].phase == PASSING ->
		printf("client %d releases its lease\n", c+1);
		giveUp(c);
		end()
	}
#ifdef PASS_DENIED	/* mutant: a denial is not heeded while the lease is valid */
	:: d_step { client[c].phase == PASSING && client[c].valid > 0 && SUM(DENIES, c) >= QUORUM ->
		printf("client %d has been denied\n", c+1);
		client[c].renewed = 0;
		pass(c);
		end()
	}
#endif
#endif
#endif
	od
}

#define TIMED(i)	(node[i].left > 0 || node[i].down > 0)
#define TIMER(c)	(client[c].valid > 0 || client[c].renewed > 0)
#define LESS(n)		(n > 0 -> n - 1 : 0)

/* tick passes time at the nodes, and at the clients from number `from` on. A
 * lease ends with its last tick at the latest. */
inline tick(from) {
	i = 0;
	do
	:: i < NODES ->
		node[i].down = LESS(node[i].down);
		node[i].left = LESS(node[i].left);
		if
		:: node[i].left == 0 && node[i].value != 0 -> vanish(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = from;
	do
	:: i < CLIENTS ->
		client[i].valid = LESS(client[i].valid);
		client[i].renewed = LESS(client[i].renewed);
#ifdef PASSES
		client[i].fresh = LESS(client[i].fresh);
		client[i].missing = (client[i].missing == 0 || client[i].missing > TENURE + VALIDITY -> client[i].missing : client[i].missing + 1);
#endif
		i++
	:: else -> break
	od;
	i = 0
}

proctype Clock() {
	byte i, k;
	do
	:: d_step { ENDLESS && (ANY_NODE(TIMED) || ANY_CLIENT(TIMER)) ->
		printf("a tick passes\n");
#ifdef FENCES
		ticks++;
#endif
		tick(0);
		end()
	}
#if SUSPENDS > 0
	:: d_step { suspends < SUSPENDS && ANY_NODE(TIMED) ->
		printf("a tick passes that the clock of client 1 misses\n");
		suspends++;
		tick(1);
		end()
	}
#endif
	od
}

/* What happens to a node. */
proctype Fate(byte i) {
	byte k;
	do
	:: d_step { node[i].value != 0 && node[i].left <= FAST ->
		printf("node %d lets the token of client %d expire, %d tick(s) early\n", i+1, HOLDER(node[i].value)+1, node[i].left);
		vanish(i);
		end()
	}
#if JUMPS > 0
	:: d_step { jumps < JUMPS && node[i].value != 0 ->
		printf("node %d has its clock jump forward: the token of client %d expires\n", i+1, HOLDER(node[i].value)+1);
		jumps++;
		vanish(i);
		end()
	}
#endif
#if CRASHES > 0
	:: d_step { crashes < CRASHES && UP(i) ->
		crashes++;
#if MEMORY
		printf("node %d crashes, with its memory kept\n", i+1);
		node[i].halted = true;
#else
		printf("node %d crashes and forgets everything\n", i+1);
		vanish(i);
#ifdef FENCES
		node[i].counter = 0;
#endif
		node[i].down = ABSENCE;
#endif
		end()
	}
#if MEMORY
	:: d_step { node[i].halted ->
		printf("node %d is back\n", i+1);
		node[i].halted = false;
		end()
	}
#endif
#endif
	od
}

init {
	byte i, t;
	atomic {
		run Clock();
		do
		:: i < NODES ->
			run Fate(i);
			t = 0;
			do
			:: t < TOKENS -> run Calls(t, i); t++
			:: else -> break
			od;
#if EXTENDS > 0
			t = 0;
			do
			:: t < CLIENTS ->
				run Extension(t, i);
#ifdef PASSES
				run Offer(t, i);
#endif
				t++
			:: else -> break
			od;
#endif
#ifdef HANDED_OUT
			t = 0;
			do
			:: t < CLIENTS -> run AdopterAt(t, i); t++
			:: else -> break
			od;
#endif
#ifdef FENCES
			if
			:: AHEAD > i -> node[i].ahead = true
			:: AHEAD <= i -> skip
			fi;
			t = 0;
			do
			:: t < CLIENTS -> run WriteBack(t, i); t++
			:: else -> break
			od;
#endif
			i++
		:: else -> break
		od;
		t = 0;
		do
		:: t < CLIENTS ->
			run Locker(t);
#ifdef HANDED_OUT
			run Adopter(t);
#endif
			t++
		:: else -> break
		od;
		i = 0;
		t = 0
	}
}
