/*
 * A release that grants the read-write lock: all readers before the first writer, or that
 * writer. A client beyond the waiters makes a try without a ticket. grantstate.pml has the rest.
 */
#ifndef CLIENTS
#define CLIENTS	3
#endif
#ifndef WRITERS
#define WRITERS	1	/* bits: clients that write; the others read */
#endif

#include "grantstate.pml"

#define WRITES(t)	HAS(WRITERS, OWNER(t))
#ifdef DOWNGRADES	/* a writer's lease may have become a reader's */
#define DOWNGRADED(t)	node.reads[t]
#define READS(c)	client[c].reads
#else
#define DOWNGRADED(t)	false
#define READS(c)	false
#endif
#define WRITTEN_BY(t)	(WRITES(t) && node.left[t] > 0 && !DOWNGRADED(t) -> 1 : 0)
#define WRITTEN		(SUM_TOKENS(WRITTEN_BY) > 0)
#define FREE		(SUM_TOKENS(LEASED) == 0)
#ifdef WAIT_FOR_ABSENT	/* mutant: a reader's acquire does not pass writers that do not listen */
#define AWAITED_BY(t)	(WRITES(t) && IN_LINE(t) -> 1 : 0)
#else
#define AWAITED_BY(t)	(WRITES(t) && IN_LINE(t) && COUNTED(OWNER(t)) -> 1 : 0)
#endif
#define AWAITED		(SUM_TOKENS(AWAITED_BY) > 0)

mtype = { reader, writer };

inline describe(c) { printf(", a %e\n", (HAS(WRITERS, c) -> writer : reader)) }

#ifdef DOWNGRADES
inline take(t) { node.reads[t] = false }
inline give(t) { node.reads[t] = false }
#else
inline take(t) { skip }
inline give(t) { skip }
#endif

/* A writer's acquire does not renew a lease that was downgraded. */
#define RENEWS(t)	(node.left[t] > 0 && !DOWNGRADED(t))

#ifdef KEEP_TICKET		/* mutant: the ticket stays in line */
#define KEEPS_TICKET(t)	true
#elif defined(LEAVE_INTENT)	/* mutant: a release for readers takes away no writer's ticket */
#define KEEPS_TICKET(t)	DOWNGRADED(t)
#else
#define KEEPS_TICKET(t)	false
#endif

/* checkExclusion: never a writer beside anybody. */
#define VALID_WRITER(c)	(VALID(c) && HAS(WRITERS, c) && !READS(c))
inline checkExclusion(c) {
	beside = SUM_CLIENTS(VALID_WRITER) > 0 && SUM_CLIENTS(VALID) > 1;
	assert(!beside)
}

/* behindWriter: n says whether a writer's ticket is before that of t, or anywhere if t has none.
 * listening: one that is counted. */
inline behindWriter(t, listening) {
	k = 0;
	n = false;
	do
	:: k < TOKENS && node.line[k] != 0 && node.line[k] != (t)+1 ->
		n = n || WRITES(node.line[k] - 1) && (!(listening) || COUNTED(OWNER(node.line[k] - 1)));
		k++
	:: else -> break
	od
}

/* checkOrder: no reader passes a writer that listens. */
inline checkOrder(t) {
	m = n;
	behindWriter(t, true);
	passed = !WRITES(t) && n;
	n = m
}

#ifdef WAIT_FOR_ABSENT
#define LISTENING	false
#else
#define LISTENING	true
#endif

/* checkAcquire: neither does one that asks pass a writer. */
inline checkAcquire(t) {
	m = n;
	behindWriter(t, LISTENING);
	passed = !WRITES(t) && n;
	n = m
}

/* couldHave: n says whether waiter t could have what is free. */
inline couldHave(t) {
	behindWriter(t, false);
	n = (WRITES(t) -> FREE : !WRITTEN && !n)
}

#ifdef IGNORE_INTENTS	/* mutant: a reader that comes does not ask for writers that wait */
#define ADMITS(t, behind)	true
#else
#define ADMITS(t, behind)	(!AWAITED || IN_LINE(t) && !(behind))
#endif

/* mayHave: n says whether an acquire may take what is free. */
inline mayHave(t, num) {
	behindWriter(t, LISTENING);
	n = (WRITES(t) -> FREE && (num == 0 || IN_LINE(t) || node.line[0] == 0) : !WRITTEN && ADMITS(t, n))
}

#ifdef LEAVE_READERS	/* mutant: where others read, a writer's withdrawal serves no waiter */
#define MAY_SERVE(had)	(!WRITTEN && ((had) > 0 || FREE))
#elif defined(IGNORE_WRITER)	/* mutant: a withdrawal does not ask for the writer */
#define MAY_SERVE(had)	true
#else
#define MAY_SERVE(had)	!WRITTEN
#endif
#ifdef ABSENT_STOPS	/* mutant: a writer that does not listen stops the readers behind it */
#define ABSENT(t)	(!WRITES(t) && !COUNTED(OWNER(t)))
#else
#define ABSENT(t)	(!COUNTED(OWNER(t)))
#endif
#ifdef IGNORE_READERS	/* mutant: a reader that goes has the writer granted, though others read */
#define MAY_WRITE(t)	(n == 0)
#else
#define MAY_WRITE(t)	(n == 0 && FREE && COUNTED(OWNER(t)))
#endif

/* serve grants what is free now, after a release that ended a lease which had so much left. n
 * counts the readers that were granted, or notified, by this. */
inline serve(t, had) {
	if
	:: MAY_SERVE(had) ->
		u = 0;
		do
		:: u < TOKENS && node.line[u] != 0 ->
			x = node.line[u] - 1;
			if
			:: ABSENT(x) -> u++
			:: !ABSENT(x) && WRITES(x) && MAY_WRITE(x) ->
				grant(x);
#ifdef GRANT_BESIDE	/* mutant: with a writer, the readers behind it are granted */
				n++
#else
				break
#endif
			:: !ABSENT(x) && WRITES(x) && !MAY_WRITE(x) ->
#ifdef PASS_WRITER	/* mutant: readers pass a writer that has to wait */
				u++
#else
				break
#endif
			:: else ->
				n++;
				grant(x);
				u = (HAS(PLAIN, OWNER(x)) -> u + 1 : u);
#ifdef ONE_READER	/* mutant: one reader is granted */
				break
#endif
			fi
		:: else -> break
		od
	:: else
	fi;
	checkServed()
}

/* checkServed: no client that listens could have what a release has left. */
inline checkServed() {
	u = 0;
	n = 0;
	do
	:: u < TOKENS && node.line[u] != 0 && !WRITTEN ->
		x = node.line[u] - 1;
		if
		:: !client[OWNER(x)].counted -> u++
		:: client[OWNER(x)].counted && WRITES(x) ->
			unserved = n == 0 && FREE && !HAS(PLAIN, OWNER(x));
			break
		:: else ->
			n++;
			unserved = unserved || !HAS(PLAIN, OWNER(x));
			u++
		fi
	:: else -> break
	od;
	assert(!unserved)
}

/* runDowngrade makes a writer's lease a reader's, and serves the readers in line. */
inline runDowngrade(t) {
	if
	:: WRITTEN_BY(t) == 1 ->
		printf("node 1 downgrades token %d\n", (t)+1);
		node.reads[t] = true;
		node.left[t] = LEASE;
		token[t].downgrade = TAKEN;
#ifndef QUIET_DOWNGRADE	/* mutant: it serves no waiter */
		serve(t, LEASE)
#else
		checkServed()
#endif
	:: else ->
		printf("node 1 has no writer's lease of token %d\n", (t)+1);
		token[t].downgrade = WAITS
	fi
}

#include "grantsteps.pml"
