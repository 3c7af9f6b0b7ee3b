/*
 * Leases that pass between goroutines, for mutex.pml: with PASSES a lease belongs
 * to the client, which is a process, and not to the goroutine that got it. Within a
 * tenure of the last answer that proved the lease, an unlock passes it on in memory.
 * Later it is offered to the nodes: each renews it, or releases it where another
 * client stands in line. Only a majority that renewed it passes it on.
 *
 * The goroutines of a client are alike, and come and are cancelled at any time. So a
 * lease that may still be passed on is released instead in any state, and what is
 * kept of the queue is how often the lease was passed.
 */
#ifdef PASSES
#ifndef TENURE
#define TENURE	1	/* ticks; 1 is the rest of the tick in which the answers came */
#endif

#ifdef FENCES		/* a block that is used up ends the passing */
#define NEXT(c)		(client[c].passes < PASSES && client[c].spare > 0)
#else
#define NEXT(c)		(client[c].passes < PASSES)
#endif
#ifdef PASS_STALE	/* mutant: it passes in memory for as long as the lease is valid */
#define FRESH(c)	true
#else
#define FRESH(c)	(client[c].fresh > 0)
#endif
#ifdef PASS_EXPIRED	/* mutant: the tenure alone decides */
#define UNEXPIRED(c)	true
#else
#define UNEXPIRED(c)	(client[c].valid > 0)
#endif
#ifdef PASS_HANDED_OUT	/* mutant: it passes a token that another process may act on */
#define HANDED(c)	false
#else
#define HANDED(c)	client[c].handed
#endif

/* WITHHELD: the token was handed out while the lease was offered. */
#define WITHHELD(c)	(client[c].phase == PASSING && HANDED(c))

#define DENIES(i, c)	(node[i].voter[c].extend == MISSING -> 1 : 0)

/* A section does not begin beside a valid holder, however its own lease stands. With
 * FORGETFUL it begins on a lease that was proven a tenure and a round trip ago, or
 * later. */
#ifdef FORGETFUL
#define checkPass(c)	assert(client[c].missing <= TENURE + client[c].trip) /* stale */
#else
#define checkPass(c)	assert(SUM_CLIENTS(VALID) == (client[c].valid > 0 -> 1 : 0)) /* two valid holders */
#endif

/* startTenure notes that the lease was proven, by requests that were sent
 * VALIDITY - left ticks ago. */
inline startTenure(c, left) {
	client[c].fresh = (NEXT(c) -> TENURE : 0);
#ifdef FORGETFUL
	client[c].trip = VALIDITY - left
#endif
}

/* pass has the next goroutine begin its section. */
inline pass(c) {
	printf("client %d passes its lease on to its next goroutine\n", c+1);
	client[c].phase = HOLDING;
	client[c].passes++;
	client[c].own = false;
	client[c].over = false;
#ifdef FENCES
	nextNumber(c);
#endif
	client[c].fresh = (NEXT(c) -> client[c].fresh : 0);
	checkPass(c)
}

inline forgetPasses(c) {
	client[c].passes = 0;
	client[c].fresh = 0;
	client[c].trip = 0;
	client[c].missing = 0;
	client[c].handed = false;
	client[c].own = false;
	client[c].gone = false;
	client[c].over = false
}

#if EXTENDS > 0
#if CLIENTS == 2	/* an acquire that was sent may have been put in line */
#define IN_LINE(i, c)	(client[1-(c)].try < TRIES && node[i].stake[TOKEN(1-(c))] == SENT)
#else
#define IN_LINE(i, c)	false
#endif

/* What follows on an answer: no vote if it is late; a repair if the round was won. */
inline answer(i, c, late) {
	node[i].voter[c].extend = (late -> UNASKED : node[i].voter[c].extend);
	if
	:: client[c].won -> mend(i, c)
	:: else
	fi
}

/* The offer of one client's lease at one node. */
proctype Offer(byte c; byte i) {
	byte k;
	bool late;
	do
	:: d_step { UP(i) && OFFERS(i, c) ->
		late = (node[i].voter[c].extend == LATE);
		if
		:: PRESENT(i, c) ->
#ifdef RUN_TWICE	/* mutant: it may run once more, and is not known again */
			node[i].voter[c].overlaps = true;
#endif
			keep(i, c)
		:: else -> refuseToKeep(i, c)
		fi;
		answer(i, c, late);
		late = false;
		end()
	}
	:: d_step { UP(i) && OFFERS(i, c) && PRESENT(i, c) && IN_LINE(i, c) ->
		printf("node %d releases token %d of client %d to those in line\n", i+1, TOKEN(c)+1, c+1);
		late = (node[i].voter[c].extend == LATE);
		vanish(i);
		node[i].voter[c].extend = YIELDED;
		answer(i, c, late);
		late = false;
		end()
	}
#ifdef OVERLAPS
	:: d_step { UP(i) && node[i].voter[c].overlaps && PRESENT(i, c) && IN_LINE(i, c) ->
		printf("node %d runs an earlier offer, and releases token %d of client %d to those in line\n", i+1, TOKEN(c)+1, c+1);
		vanish(i);
		node[i].voter[c].overlaps = false;
		end()
	}
#endif
	od
}
#endif

#ifdef HANDED_OUT
/* What another process does with a token that it was given. It and the goroutine that
 * gave it share a section, which is over when the other process unlocks. */
proctype Adopter(byte c) {
	do
	:: d_step { LEASED(c) && client[c].valid > 0 && !client[c].handed ->
		printf("client %d gives token %d to another process\n", c+1, TOKEN(c)+1);
		client[c].handed = true;
		client[c].own = (client[c].phase == HOLDING);
		end()
	}
	:: d_step { client[c].handed && !client[c].gone ->
		printf("the other process unlocks token %d of client %d\n", TOKEN(c)+1, c+1);
		client[c].gone = true;
		client[c].over = client[c].own;
		end()
	}
#if HANDED_OUT > 1	/* it extends, in a single step */
	:: d_step { client[c].handed && !client[c].gone && SUM(PRESENT, c) >= QUORUM ->
		printf("the other process extends token %d of client %d, and goes on\n", TOKEN(c)+1, c+1);
		assert(client[c].own || !(client[c].phase == HOLDING && client[c].valid>0)); /* two valid holders */
		end()
	}
#endif
	od
}

proctype AdopterAt(byte c; byte i) {
	byte k;
	do
	:: d_step { UP(i) && client[c].gone && PRESENT(i, c) ->
		printf("node %d gets the other process's release of token %d of client %d\n", i+1, TOKEN(c)+1, c+1);
		vanish(i);
		end()
	}
	od
}
#endif
#else
#define WITHHELD(c)	false
#endif
