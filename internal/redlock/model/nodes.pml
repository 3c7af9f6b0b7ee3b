/*
 * Sizes and assumptions that all models share.
 */
#ifndef NODES
#define NODES	3
#endif
#ifndef LEASE
#define LEASE	2	/* ticks that a node keeps a token */
#endif
#ifndef DRIFT
#define DRIFT	1	/* ticks of a lease that drift may take: expiry * driftFactor */
#endif
#define QUORUM	(NODES / 2 + 1)

/* Assumptions of the safety argument. Each switch takes one away. */
#ifdef NO_RATE_BOUND		/* a node's clock runs faster than is allowed for */
#define FAST	(DRIFT + 1)
#elif defined(EXACT)		/* no drift at all: fewer states */
#define FAST	0
#else
#define FAST	DRIFT
#endif
#ifdef NO_RESTART_DELAY		/* a node that has lost its memory is back at once */
#define ABSENCE	0
#else
#define ABSENCE	LEASE
#endif
#ifndef JUMPS			/* forward jumps of a node's clock, past any lease */
#define JUMPS	0
#endif
#ifndef SUSPENDS		/* ticks that the first client's clock misses */
#define SUSPENDS 0
#endif
#ifdef OTHER_LIST		/* the last client was given a list of one node */
#define NEEDED(c) (c == CLIENTS - 1 -> 1 : QUORUM)
#else
#define NEEDED(c) QUORUM
#endif

/* Mutants of the clock's part. */
#ifdef NO_DRIFT_ALLOWANCE	/* validity is the whole expiry */
#define VALIDITY LEASE
#else
#define VALIDITY (LEASE - DRIFT)
#endif
