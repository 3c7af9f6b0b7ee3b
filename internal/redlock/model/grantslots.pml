/*
 * A release that grants permits: the heads of the line, as many as what is free serves.
 * grantstate.pml has the rest.
 */
#ifndef CLIENTS
#define CLIENTS	3
#endif
#define SLOTTED
#define SLOTS	2	/* the limit: at most so many are held */
#ifndef HEAVY
#define HEAVY	0	/* bits: clients that want both */
#endif

#include "grantstate.pml"

#define WEIGHT(t)	(1 + HAS(HEAVY, OWNER(t)))
#define HELD_BY(t)	(node.left[t] > 0 -> WEIGHT(t) : 0)
#define TAKEN_SLOTS	SUM_TOKENS(HELD_BY)
#define SLOTS_OF(t)	(node.slots[t] & 1)
#define LOWEST_IS_FREE	(SUM_TOKENS(SLOTS_OF) == 0)
#ifdef IGNORE_WEIGHT	/* mutant: every ticket in line counts for one */
#define COUNTS_FOR(t)	1
#else
#define COUNTS_FOR(t)	WEIGHT(t)
#endif

inline describe(c) { printf(", %d slot(s)\n", WEIGHT((c) * CALLS)) }

/* take gives a token, whose lease has just begun, its slots: the lowest that are free. */
inline take(t) {
#ifdef IGNORE_GAPS	/* mutant: the slot above as many as are taken */
	node.slots[t] = (WEIGHT(t) == SLOTS -> 3 : BIT(TAKEN_SLOTS - 1))
#else
	node.slots[t] = (WEIGHT(t) == SLOTS -> 3 : (LOWEST_IS_FREE -> 1 : 2))
#endif
}

#define RENEWS(t)	(node.left[t] > 0)
#define KEEPS_TICKET(t)	false

inline give(t) { node.slots[t] = 0 }

/* checkExclusion: at most so many slots are held, and none by two. */
#define HOLDS(c)	(VALID(c) -> 1 + HAS(HEAVY, c) : 0)
inline checkExclusion(c) {
	assert(SUM_CLIENTS(HOLDS) <= SLOTS);	/* more than there are */
	k = 0;
	do
	:: k < CLIENTS -> m = m + (k != c && VALID(k) -> client[k].slots & client[c].slots : 0); k++
	:: else -> break
	od;
	twice = m > 0;
	assert(!twice)	/* a slot of two holders */
}

/* before adds up in m the slots that listening clients in line before t want. */
inline before(t) {
	k = 0;
	m = 0;
	do
	:: k < TOKENS && node.line[k] != 0 && node.line[k] != (t)+1 ->
		m = m + (COUNTED(OWNER(node.line[k] - 1)) -> WEIGHT(node.line[k] - 1) : 0);
		k++
	:: else -> break
	od
}

/* checkOrder: no client that listens is passed, though notified only. */
inline checkOrder(t) {
	before(t);
	passed = m > 0 && TAKEN_SLOTS + m + WEIGHT(t) > SLOTS
}

inline checkAcquire(t) { skip }

/* couldHave: n says whether waiter t could have what is free. */
inline couldHave(t) {
	before(t);
	n = m == 0 && TAKEN_SLOTS + WEIGHT(t) <= SLOTS
}

/* mayHave: n says whether an acquire may take what is free. */
inline mayHave(t, num) {
	n = TAKEN_SLOTS + WEIGHT(t) <= SLOTS && (num == 0 || IN_LINE(t) || node.line[0] == 0)
}

/* serve grants what is free now. n counts the slots that are taken, or were notified of. */
inline serve(t, had) {
	n = TAKEN_SLOTS;
	u = 0;
	do
	:: u < TOKENS && node.line[u] != 0 ->
		x = node.line[u] - 1;
		if
		:: !COUNTED(OWNER(x)) -> u++
		:: COUNTED(OWNER(x)) && n + COUNTS_FOR(x) <= SLOTS ->
			n = n + COUNTS_FOR(x);
			grant(x);
#ifdef NOTIFIED_IS_FREE	/* mutant: what one is notified of goes to the next, too */
			n = (HAS(PLAIN, OWNER(x)) -> n - COUNTS_FOR(x) : n);
#endif
#ifdef COUNT_GRANTED	/* mutant: one that is granted, and has left the line, is counted in it */
			u++
#else
			u = (HAS(PLAIN, OWNER(x)) -> u + 1 : u)
#endif
#ifdef ONE_HEAD		/* mutant: one is granted */
			; break
#endif
		:: else ->
#ifdef PASS_HEAVY	/* mutant: one that cannot be served is passed */
			u++
#else
			break
#endif
		fi
	:: else -> break
	od;
	checkServed()
}

/* checkServed: no client that listens could have what a release has left. */
inline checkServed() {
	u = 0;
	n = TAKEN_SLOTS;
	do
	:: u < TOKENS && node.line[u] != 0 ->
		x = node.line[u] - 1;
		n = n + (client[OWNER(x)].counted -> WEIGHT(x) : 0);
		if
		:: n > SLOTS -> break
		:: else -> unserved = unserved || client[OWNER(x)].counted && !HAS(PLAIN, OWNER(x))
		fi;
		u++
	:: else -> break
	od;
	assert(!unserved)
}

#include "grantsteps.pml"
