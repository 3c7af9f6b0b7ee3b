/*
 * Fencing tokens, for mutex.pml: with FENCES a hold begins only once its number
 * is agreed on. Each node counts its grants. The number of a hold is the largest
 * of the numbers that came with the votes; unless a majority has given just that
 * one, it is first written back to a majority of nodes that still have the token.
 *
 * Numbers that a node has lost start anew from its clock, so here time is counted,
 * up to HORIZON, and a tick is worth more numbers than there are grants in it.
 */
#ifdef FENCES
#ifndef HORIZON
#define HORIZON	4	/* ticks in all */
#endif
#ifndef AHEAD
#define AHEAD	1	/* nodes whose clock is ahead of the others' by SKEW */
#endif
#define TICK	16	/* numbers a tick: more than there are grants */

#ifdef NO_CLOCK_AGREEMENT /* clocks differ by more than a restart is delayed */
#define SKEW	(LEASE + 1)
#else
#define SKEW	1
#endif

#ifdef PER_NODE_FENCES	/* mutant: no agreement, the largest number is taken as it is */
#define AGREES(n)	true
#else
#define AGREES(n)	(n >= QUORUM)
#endif

#ifdef BLIND_WRITE	/* variant: written back also where the token is gone */
#define WRITABLE(i, c)	true
#else
#define WRITABLE(i, c)	(node[i].value == VALUE(TOKEN(c)))
#endif

byte ticks;	/* since the beginning */
byte last;	/* the largest number that a hold has got */

#define ENDLESS	(ticks < HORIZON)
#define CLOCK(i) ((ticks + 1 + (node[i].ahead -> SKEW : 0)) * TICK)
#define LARGER(a, b) (a > b -> a : b)

/* countGrant counts node i's grant to token t. */
inline countGrant(i, t) {
	node[i].counter = (node[i].counter == 0 -> CLOCK(i) : node[i].counter + 1);
	if
	:: CURRENT(t) -> node[i].voter[OWNER(t)].number = node[i].counter
	:: else
	fi
}

/* choose finds client c's number among its votes, and who gave it. */
inline choose(c) {
	m = 0;
	do
	:: i < NODES ->
		client[c].fence = (GRANTS(i, c) -> LARGER(client[c].fence, node[i].voter[c].number) : client[c].fence);
		i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < NODES ->
		m = m + (GRANTS(i, c) && node[i].voter[c].number == client[c].fence -> 1 : 0);
		i++
	:: else -> break
	od;
	i = 0;
	if
	:: AGREES(m)
	:: else ->
		printf("client %d has no majority that agrees on the number %d, and writes it back\n", c+1, client[c].fence);
		client[c].phase = WRITING
	fi;
	m = 0
}

/* Numbers grow from hold to hold. */
inline checkFence(c) {
	printf("the fencing token of client %d is %d\n", c+1, client[c].fence);
	assert(client[c].fence > last);	/* fences */
	last = client[c].fence;
	client[c].fence = 0;
	do
	:: i < NODES -> node[i].voter[c].number = 0; i++
	:: else -> break
	od;
	i = 0
}

/* The writing back of one client's number at one node. */
proctype WriteBack(byte c; byte i) {
	do
	:: d_step { UP(i) && client[c].phase == WRITING && !node[i].voter[c].written && WRITABLE(i, c) ->
		printf("node %d writes the number %d of client %d down\n", i+1, client[c].fence, c+1);
		node[i].counter = LARGER(node[i].counter, client[c].fence);
		node[i].voter[c].written = true;
		end()
	}
	od
}
#else
#define ENDLESS	true
#endif
