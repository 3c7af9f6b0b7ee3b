/*
 * What grantrw.pml and grantslots.pml share: one node, where a release grants leases to those
 * in line. README.md, "Readers, writers and permits", has the rules. The model that includes
 * this file says what is free for a token, and how a release serves the line.
 *
 * Calls, acquires and messages are as in grant.pml: what is under way stands in its token's record
 * until it is executed or read, at any time, in any order, or never. A client beyond the waiters
 * makes one try without a ticket. The last clients hold leases at the beginning.
 */
#ifndef CALLS
#define CALLS	1	/* of each client */
#endif
#ifndef HOLDERS
#define HOLDERS	1	/* clients that hold a lease at the beginning */
#endif
#ifndef WAITERS
#define WAITERS	(CLIENTS - HOLDERS)
#endif
#ifndef ACQUIRES
#define ACQUIRES	2	/* of each call */
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
#define CRASHES	0	/* of the node, which forgets */
#endif
#ifndef PLAIN
#define PLAIN	0	/* bits: clients that are notified, and never granted */
#endif
#ifndef GRANT
#define GRANT	LEASE	/* ticks that a grant by release lasts */
#endif
#ifndef TICKET
#define TICKET	2	/* ticks that a ticket lasts */
#endif
#define NODES	1

#include "nodes.pml"

#define TOKENS		(CLIENTS * CALLS)
#define OWNER(t)	((t) / CALLS)
#ifdef REUSE_TOKEN	/* mutant: a client has one token for all its calls */
#define TOKEN(c)	((c) * CALLS)
#define CURRENT(t)	(client[OWNER(t)].phase != IDLE && client[OWNER(t)].phase != DONE)
#define BEGINS(c)	(!token[TOKEN(c)].pending)
#else
#define TOKEN(c)	((c) * CALLS + client[c].call)
#define CURRENT(t)	(client[OWNER(t)].phase != IDLE && client[OWNER(t)].call == (t) % CALLS)
#define BEGINS(c)	true
#endif
#define BIT(n)		(1 << (n))
#define HAS(bits, n)	(((bits) >> (n)) & 1)

typedef Node {
	byte left[TOKENS];	/* ticks to the end of a token's lease */
	bool stray[TOKENS];	/* a late acquire took it: its client does not know */
	byte line[TOKENS];	/* tokens + 1, in order */
	byte number[TOKENS];	/* of the acquire that wrote the ticket */
	byte life[TOKENS];	/* ticks that it lasts */
	byte down	/* ticks to the end of a restart */
#ifdef SLOTTED
	; byte slots[TOKENS]	/* bits */
#endif
#ifdef DOWNGRADES
	; bool reads[TOKENS]	/* its lease is a writer's that was downgraded */
#endif
}

typedef Token {
	byte acquire;	/* the last one's call */
	byte num;	/* its number, until it is executed */
	byte late;	/* bits: acquires that may be executed, and whose answer is not read */
	byte granted;	/* bits: messages "granted", by number */
	bool notified;	/* a notification is on its way */
	bool pending;	/* its release, which takes the ticket away too */
	bool again;	/* a copy of it */
	bool withdrawn	/* it was executed, and no acquire since */
#ifdef DOWNGRADES
	; byte downgrade	/* the call that downgrades its lease */
#endif
#ifdef WITHDRAW_ONLY
	; bool unknown	/* the call ended without knowing of a grant */
#endif
#ifdef SLOTTED
	; byte issued;	/* slots, with the answer to the acquire */
	byte with[ACQUIRES + 1]	/* slots, with each message */
#endif
}
#define NONE	0
#define SENT	1
#define TAKEN	2	/* answered: the token has a lease */
#define WAITS	3	/* answered: it has none */

typedef Client {
	byte phase;
	byte call;
	byte sent;	/* number of the last acquire */
	byte until;	/* validity of a grant after that acquire */
	byte valid;
	bool subscribed;	/* its subscription stands */
	bool counted;	/* and the node counts it, or one before it */
	bool due;	/* an acquire, by a message, a reconnect, a timer */
	bool dead
#ifdef SLOTTED
	; byte slots	/* that it believes to have */
#endif
#ifdef DOWNGRADES
	; bool reads;	/* it has downgraded its lease */
	byte renewed	/* what that would bring */
#endif
}
#define IDLE	0
#define WAITING	1
#define HOLDING	2
#define DONE	3

Node node;
Token token[TOKENS];
Client client[CLIENTS];
byte lates, copies, breaks, deaths, crashes;
#ifdef PUNCTUAL
byte wasted;	/* ticks for which a live client waits, and no live one holds */
#endif
byte k, u, x, n, m;	/* scratch, 0 between steps */
bool beside, twice, passed, unserved, lying;	/* the same */

#if CLIENTS == 2
#define ANY_CLIENT(is)	(is(0) || is(1))
#define SUM_CLIENTS(is)	(is(0) + is(1))
#elif CLIENTS == 3
#define ANY_CLIENT(is)	(is(0) || is(1) || is(2))
#define SUM_CLIENTS(is)	(is(0) + is(1) + is(2))
#else
#define ANY_CLIENT(is)	(is(0) || is(1) || is(2) || is(3))
#define SUM_CLIENTS(is)	(is(0) + is(1) + is(2) + is(3))
#endif
#if CLIENTS * CALLS == 2
#define SUM_TOKENS(of)	(of(0) + of(1))
#elif CLIENTS * CALLS == 3
#define SUM_TOKENS(of)	(of(0) + of(1) + of(2))
#elif CLIENTS * CALLS == 4
#define SUM_TOKENS(of)	(of(0) + of(1) + of(2) + of(3))
#else
#define SUM_TOKENS(of)	(of(0) + of(1) + of(2) + of(3) + of(4) + of(5))
#endif

#define UP		(node.down == 0)
#define LIVE(c)		(!client[c].dead)
#define VALID(c)	(client[c].phase == HOLDING && client[c].valid > 0)
#define WAITER(c)	((c) < WAITERS && LIVE(c) && client[c].phase == WAITING)
#define LEASED(t)	(node.left[t] > 0 -> 1 : 0)
#define IN_LINE(t)	(node.life[t] > 0)
#define KNOWN(t)	(LIVE(OWNER(t)) && CURRENT(t) && client[OWNER(t)].phase == HOLDING)

/* At rest nothing is under way but what a timer begins. */
#ifdef DOWNGRADES
#define DOWNGRADING(t)	(token[t].downgrade != NONE)
#else
#define DOWNGRADING(t)	false
#endif
#define UNDER_WAY(t)	(DOWNGRADING(t) || token[t].acquire != NONE || token[t].late || token[t].granted || token[t].notified || token[t].pending || token[t].again)
#if CALLS == 1
#define ANY_CALL(c)	UNDER_WAY(c)
#else
#define ANY_CALL(c)	(UNDER_WAY((c) * CALLS) || UNDER_WAY((c) * CALLS + 1))
#endif
#define BUSY(c)		(LIVE(c) && (ANY_CALL(c) || WAITER(c) && (client[c].due || !client[c].subscribed)))
#define AT_REST		(!ANY_CLIENT(BUSY))

#ifdef GRANT_DEAF	/* mutant: a waiter that does not listen is granted */
#define COUNTED(c)	true
#else
#define COUNTED(c)	client[c].counted
#endif
