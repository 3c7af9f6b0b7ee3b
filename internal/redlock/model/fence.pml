/*
 * Fencing tokens, for mutex.pml: with FENCES a lease begins only once its number
 * is agreed on. Each node counts its grants. The number of a lease is the largest
 * of the numbers that came with the votes; unless a majority has given just that
 * one, it is first written back to a majority of nodes that still have the token.
 * With BLOCK a grant brings that many numbers, for the goroutines that the lease passes
 * to. The number of which this speaks is then the last of them.
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
#ifndef TICK
#define TICK	16	/* numbers a tick: more than there are given in it */
#endif
#ifndef BLOCK
#define BLOCK	1	/* numbers that a grant brings: one for each of a lease's holders */
#endif

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
byte last;	/* the largest number that a holder has got */

#define ENDLESS	(ticks < HORIZON)
#define CLOCK(i) ((ticks + 1 + (node[i].ahead -> SKEW : 0)) * TICK)
#define LARGER(a, b) (a > b -> a : b)

#ifdef AGREE_ON_BEGINNING /* mutant: what is agreed on is the block's first number */
#define AGREED(i)	(node[i].counter - (BLOCK - 1))
#define FIRST(c)	client[c].fence
#else
#define AGREED(i)	node[i].counter
#define FIRST(c)	(client[c].fence - (BLOCK - 1))
#endif

/* countGrant counts node i's grant to token t: the counter is the block's end. */
inline countGrant(i, t) {
	node[i].counter = (node[i].counter == 0 -> CLOCK(i) + (BLOCK - 1) : node[i].counter + BLOCK);
	if
	:: CURRENT(t) -> node[i].voter[OWNER(t)].number = AGREED(i)
	:: else
	fi
}

/* choose finds client c's number among its votes, and counts those that have it. */
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

/* Numbers grow from lease to lease, also within a block. */
inline useNumber(c) {
	printf("the fencing token of client %d is %d\n", c+1, client[c].fence);
	assert(client[c].fence > last);	/* fences */
	last = client[c].fence;
	client[c].fence = (client[c].spare > 0 -> client[c].fence : 0)
}

/* dropBlock ends a lease's numbers. */
inline dropBlock(c) {
#ifdef REST_AFTER_LOSS	/* mutant: the next lease goes on with them */
	client[c].rest = (client[c].spare > 0 -> client[c].fence + 1 : 0);
#endif
	client[c].fence = 0;
	client[c].spare = 0
}

inline nextNumber(c) {
	client[c].spare--;
#ifndef REUSE_NUMBER	/* mutant: every holder of the lease gets the same */
	client[c].fence++;
#endif
	useNumber(c)
}

inline checkFence(c) {
	client[c].fence = FIRST(c);
	client[c].spare = BLOCK - 1;
#ifdef REST_AFTER_LOSS
	client[c].fence = (client[c].rest > 0 -> client[c].rest : client[c].fence);
	client[c].rest = 0;
#endif
	useNumber(c);
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
