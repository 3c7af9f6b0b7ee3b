/*
 * The read-write lock on N nodes: each client makes one try, to write or to read,
 * and a writer may downgrade. Leases are per client, as each reader has its own.
 * README.md says what is left out. Steps are as in mutex.pml.
 */
#ifndef CLIENTS
#define CLIENTS	3
#endif

#include "nodes.pml"

typedef Lease {		/* what a node has of one client's token */
	byte kind;	/* NOTHING, READER or WRITER */
	byte left;	/* ticks to its end */
	byte stake	/* what its client knows or has under way there */
}
#define NOTHING	0
#define READER	1
#define WRITER	2

#define NONE	0
#define SENT	1	/* an acquire */
#define GRANTED	2
#define PENDING	3	/* a release */
#define DOWNGRADING	4	/* a downgrade */
#define HALF	5	/* mutant SPLIT_DOWNGRADE: the writer is gone, the reader not there */
#define DOWNGRADED	6	/* its answer: the writer is a reader now */

typedef Node {
	Lease lease[CLIENTS]
}

typedef Client {
	byte phase;
	bool writes;	/* has or asks for the write lock, else the read lock */
	byte valid;
	byte renewed	/* what the downgrade would bring */
}
#define IDLE	0
#define ASKING	1
#define HOLDING	2
#define DONE	3

Node node[NODES];
Client client[CLIENTS];
byte asked[CLIENTS];	/* what a client's try asks for: READER or WRITER */

mtype = { reader, writer };

#include "symmetry.pml"

#define LEASED(i, c)	node[i].lease[c]
#define VALID(c)	(client[c].phase == HOLDING && client[c].valid > 0)
#define WRITES(c)	(VALID(c) && client[c].writes)
#define IS(i, c, what)	(LEASED(i, c).kind == what)
#define WRITER_AT(i, c)	IS(i, c, WRITER)
#define READER_AT(i, c)	IS(i, c, READER)
#define LEFT_AT(i, c)	(LEASED(i, c).left > 0)
#define WRITTEN(i)	ANY_CLIENT_AT(i, WRITER_AT)
#ifdef IGNORE_READERS	/* mutant: a writer is granted beside readers */
#define TAKEN(i)	WRITTEN(i)
#else
#define TAKEN(i)	(WRITTEN(i) || ANY_CLIENT_AT(i, READER_AT))
#endif

/* checkExclusion: never a writer beside anybody. */
#define checkExclusion()	assert(SUM_CLIENTS(WRITES) == 0 || SUM_CLIENTS(VALID) == 1) /* writer beside another */

inline leave(i, c) {
	LEASED(i, c).kind = NOTHING;
	LEASED(i, c).left = 0;
	LEASED(i, c).stake = (LEASED(i, c).stake == PENDING -> NONE : LEASED(i, c).stake)
}

inline admit(i, c, what) {
	LEASED(i, c).kind = what;
	LEASED(i, c).left = LEASE
}

proctype Calls(byte c; byte i) {
	do
	:: d_step { LEASED(i, c).stake == SENT ->
		if
		:: asked[c] == WRITER && TAKEN(i) || WRITTEN(i) ->
			printf("node %d refuses client %d\n", i+1, c+1);
			LEASED(i, c).stake = NONE
		:: else ->
			admit(i, c, asked[c]);
			LEASED(i, c).stake = (client[c].phase == DONE -> PENDING : GRANTED);
			printf("node %d lets client %d in, as a %e\n", i+1, c+1, (asked[c] == WRITER -> writer : reader))
		fi;
		normal()
	}
	:: d_step { LEASED(i, c).stake == PENDING ->
		printf("node %d deletes the token of client %d\n", i+1, c+1);
		leave(i, c);
		normal()
	}
#ifdef SPLIT_DOWNGRADE	/* mutant: the writer goes first, the reader comes later */
	:: d_step { LEASED(i, c).stake == DOWNGRADING ->
		printf("node %d deletes the writer, client %d\n", i+1, c+1);
		leave(i, c);
		LEASED(i, c).stake = HALF;
		normal()
	}
	:: d_step { LEASED(i, c).stake == HALF && !WRITTEN(i) ->
		printf("node %d makes client %d a reader\n", i+1, c+1);
		admit(i, c, READER);
		LEASED(i, c).stake = DOWNGRADED;
		normal()
	}
#else
	:: d_step { LEASED(i, c).stake == DOWNGRADING ->
		if
		:: IS(i, c, WRITER) ->
			printf("node %d downgrades writer %d to a reader\n", i+1, c+1);
			admit(i, c, READER);
			LEASED(i, c).stake = DOWNGRADED
		:: else ->
			printf("node %d has no writer %d to downgrade\n", i+1, c+1);
			LEASED(i, c).stake = NONE
		fi;
		normal()
	}
#endif
	od
}

#define GRANTS(i, c)	(LEASED(i, c).stake == GRANTED -> 1 : 0)
#define DOWNGRADES(i, c)	(LEASED(i, c).stake == DOWNGRADED -> 1 : 0)

inline ask(c) {
	client[c].phase = ASKING;
	client[c].valid = VALIDITY;
	do
	:: i < NODES -> LEASED(i, c).stake = SENT; i++
	:: else -> break
	od;
	i = 0
}

proctype Locker(byte c) {
	byte i;
	do
	:: d_step { client[c].phase == IDLE ->
		printf("client %d asks all nodes to write\n", c+1);
		client[c].writes = true;
		asked[c] = WRITER;
		ask(c);
		normal()
	}
	:: d_step { client[c].phase == IDLE ->
		printf("client %d asks all nodes to read\n", c+1);
		asked[c] = READER;
		ask(c);
		normal()
	}
	:: d_step { client[c].phase == ASKING && client[c].valid > 0 && SUM(GRANTS, c) >= NEEDED(c) ->
		printf("client %d holds the lock\n", c+1);
		client[c].phase = HOLDING;
		checkExclusion();
		normal()
	}
	/* From here on it reads, with what validity it had. */
	:: d_step { WRITES(c) ->
		printf("client %d downgrades\n", c+1);
		client[c].writes = false;
		client[c].renewed = VALIDITY;
		do
		:: i < NODES ->
			LEASED(i, c).stake = (LEASED(i, c).stake == GRANTED -> DOWNGRADING : LEASED(i, c).stake);
			i++
		:: else -> break
		od;
		i = 0;
		normal()
	}
	:: d_step { VALID(c) && client[c].renewed > 0 && SUM(DOWNGRADES, c) >= QUORUM ->
		printf("client %d has downgraded\n", c+1);
		client[c].valid = client[c].renewed;
		client[c].renewed = 0;
		checkExclusion();
		normal()
	}
	:: d_step { client[c].phase == ASKING || client[c].phase == HOLDING ->
		printf("client %d lets go\n", c+1);
		client[c].phase = DONE;
		client[c].writes = false;
		client[c].valid = 0;
		client[c].renewed = 0;
		do
		:: i < NODES ->
			if
			:: LEASED(i, c).stake != SENT -> LEASED(i, c).stake = (LEASED(i, c).kind != NOTHING -> PENDING : NONE)
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		normal()
	}
	od
}

#define LEASES(i)	ANY_CLIENT_AT(i, LEFT_AT)
#define TIMER(c)	(client[c].valid > 0 || client[c].renewed > 0)
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
				:: LEASED(i, k).left == 0 && LEASED(i, k).kind != NOTHING -> leave(i, k)
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
		:: i < CLIENTS ->
			client[i].valid = LESS(client[i].valid);
			client[i].renewed = LESS(client[i].renewed);
			i++
		:: else -> break
		od;
		i = 0;
		normal()
	}
	od
}

proctype Fate(byte c; byte i) {
	do
	:: d_step { LEASED(i, c).kind != NOTHING && LEASED(i, c).left <= FAST ->
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
