/*
 * The semaphore on N nodes: a permit is a numbered slot that the same token has
 * on a majority. Each client makes one try. A node grants any slot that is free
 * there, which covers the lowest one and every one that a client might propose.
 * README.md says what is left out. Steps are as in mutex.pml.
 */
#ifndef CLIENTS
#define CLIENTS	3
#endif
#define SLOTS	2	/* the limit: at most so many valid holders */

#include "nodes.pml"

typedef Lease {		/* what a node has of one client's token */
	byte slot;	/* 0: none, else the slot's number + 1 */
	byte left;	/* ticks to the lease's end */
	byte stake	/* what its client knows or has under way there */
}

#define NONE	0
#define SENT	1	/* an acquire */
#define GRANTED	2	/* and its answer: the slot in `vote` */
#define PENDING	3	/* a release */
#define MOVING	4	/* to the slot that was won elsewhere: align in repair.go */

typedef Node {
	Lease lease[CLIENTS];
	byte vote[CLIENTS]	/* the slot that it granted, in a try */
}

typedef Client {
	byte phase;
	byte slot;	/* that a majority granted */
	byte valid
}
#define IDLE	0
#define ASKING	1
#define HOLDING	2
#define DONE	3

Node node[NODES];
Client client[CLIENTS];

#include "symmetry.pml"

#define LEASED(i, c)	node[i].lease[c]
#define FREE(i, s)	(LEASED(i, 0).slot != s && LEASED(i, 1).slot != s && LEASED(i, 2).slot != s)
#define VALID(c)	(client[c].phase == HOLDING && client[c].valid > 0)

inline leave(i, c) {
	LEASED(i, c).slot = 0;
	LEASED(i, c).left = 0;
	LEASED(i, c).stake = (LEASED(i, c).stake == PENDING -> NONE : LEASED(i, c).stake)
}

/* give leases slot s of node i to client c, or settles it if that has let go. */
inline give(i, c, s) {
	printf("node %d grants slot %d to client %d\n", i+1, s, c+1);
	LEASED(i, c).slot = s;
	LEASED(i, c).left = LEASE;
	node[i].vote[c] = (client[c].phase == ASKING -> s : 0);
	LEASED(i, c).stake = (client[c].phase == DONE -> PENDING : GRANTED)
}

#ifdef LOWEST	/* nodes grant their lowest free slot only: fewer states */
#define SECOND_CHOICE(i)	(!FREE(i, 1))
#else
#define SECOND_CHOICE(i)	true
#endif

proctype Calls(byte c; byte i) {
	byte s;
	do
	:: d_step { LEASED(i, c).stake == SENT && FREE(i, 1) ->
		give(i, c, 1);
		normal()
	}
	:: d_step { LEASED(i, c).stake == SENT && FREE(i, 2) && SECOND_CHOICE(i) ->
		give(i, c, 2);
		normal()
	}
	:: d_step { LEASED(i, c).stake == SENT && !FREE(i, 1) && !FREE(i, 2) ->
		printf("node %d refuses client %d\n", i+1, c+1);
		LEASED(i, c).stake = NONE;
		normal()
	}
	/* The other slot is given back, and the one that was won taken if it is free. */
	:: d_step { LEASED(i, c).stake == MOVING ->
		LEASED(i, c).slot = 0;
		LEASED(i, c).stake = (client[c].phase == DONE -> PENDING : NONE);
		if
		:: client[c].phase == HOLDING && FREE(i, client[c].slot) ->
			s = client[c].slot;
			give(i, c, s);
			s = 0
		:: else -> leave(i, c)
		fi;
		normal()
	}
	:: d_step { LEASED(i, c).stake == PENDING ->
		printf("node %d deletes the token of client %d\n", i+1, c+1);
		leave(i, c);
		normal()
	}
	od
}

#define ANY(i, c)	(node[i].vote[c] > 0 -> 1 : 0)
#define FIRST(i, c)	(node[i].vote[c] == 1 -> 1 : 0)
#define SECOND(i, c)	(node[i].vote[c] == 2 -> 1 : 0)

#ifdef PER_NODE_COUNTING	/* mutant: any slot is a vote */
#define WINS(c, votes)	(SUM(ANY, c) >= NEEDED(c))
#else
#define WINS(c, votes)	(SUM(votes, c) >= NEEDED(c))
#endif

inline hold(c, s) {
	printf("client %d holds a permit\n", c+1);
	client[c].phase = HOLDING;
	client[c].slot = s;
	do
	:: i < NODES ->
		if
#ifndef PER_NODE_COUNTING
		:: node[i].vote[c] != 0 && node[i].vote[c] != s && LEASED(i, c).stake == GRANTED -> LEASED(i, c).stake = MOVING
#endif
		:: else
		fi;
		node[i].vote[c] = 0;
		i++
	:: else -> break
	od;
	i = 0;
	assert(SUM_CLIENTS(VALID) <= SLOTS)	/* more valid holders than slots */
}

proctype Locker(byte c) {
	byte i;
	do
	:: d_step { client[c].phase == IDLE ->
		printf("client %d asks all nodes for a slot\n", c+1);
		client[c].phase = ASKING;
		client[c].valid = VALIDITY;
		do
		:: i < NODES -> LEASED(i, c).stake = SENT; i++
		:: else -> break
		od;
		i = 0;
		normal()
	}
	:: d_step { client[c].phase == ASKING && client[c].valid > 0 && WINS(c, FIRST) ->
		hold(c, 1);
		normal()
	}
	:: d_step { client[c].phase == ASKING && client[c].valid > 0 && WINS(c, SECOND) ->
		hold(c, 2);
		normal()
	}
	:: d_step { client[c].phase == ASKING || client[c].phase == HOLDING ->
		printf("client %d lets go\n", c+1);
		client[c].phase = DONE;
		client[c].slot = 0;
		client[c].valid = 0;
		do
		:: i < NODES ->
			if
			:: LEASED(i, c).stake == GRANTED -> LEASED(i, c).stake = (LEASED(i, c).slot > 0 -> PENDING : NONE)
			:: else
			fi;
			node[i].vote[c] = 0;
			i++
		:: else -> break
		od;
		i = 0;
		normal()
	}
	od
}

#define LEASES(i)	(LEASED(i, 0).left > 0 || LEASED(i, 1).left > 0 || LEASED(i, 2).left > 0)
#define TIMER(c)	(client[c].valid > 0)
#define LESS(n)		(n > 0 -> n - 1 : 0)

proctype Clock() {
	byte i, k;
	do
	:: d_step { ANY_NODE(LEASES) || ANY_CLIENT(TIMER) ->
		printf("a tick passes\n");
		do
		:: i < NODES ->
			k = 0;
			do
			:: k < CLIENTS ->
				LEASED(i, k).left = LESS(LEASED(i, k).left);
				if
				:: LEASED(i, k).left == 0 && LEASED(i, k).slot > 0 -> leave(i, k)
				:: else
				fi;
				k++
			:: else -> break
			od;
			i++
		:: else -> break
		od;
		k = 0;
		i = 0;
		do
		:: i < CLIENTS -> client[i].valid = LESS(client[i].valid); i++
		:: else -> break
		od;
		i = 0;
		normal()
	}
	od
}

proctype Fate(byte c; byte i) {
	do
	:: d_step { LEASED(i, c).slot > 0 && LEASED(i, c).left <= FAST ->
		printf("node %d lets the lease of client %d end, %d tick(s) early\n", i+1, c+1, LEASED(i, c).left);
		leave(i, c);
		normal()
	}
	od
}

init {
	byte i, c;
	atomic {
#ifndef TIMELESS	/* leases do not end: fewer states */
		run Clock();
#endif
		do
		:: i < NODES ->
			c = 0;
			do
			:: c < CLIENTS ->
				run Calls(c, i);
#ifndef TIMELESS
				run Fate(c, i);
#endif
				c++
			:: else -> break
			od;
			i++
		:: else -> break
		od;
		c = 0;
		do
		:: c < CLIENTS -> run Locker(c); c++
		:: else -> break
		od;
		i = 0;
		c = 0
	}
}
