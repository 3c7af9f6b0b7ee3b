/*
 * The nodes are alike, and so are the clients: a state has the same future as the
 * one with two of them exchanged. With SYMMETRY every step ends by choosing one
 * of these states to stand for all: records of nodes are sorted, and the clients
 * exchanged where that makes for the smaller state. This needs every step to be
 * blind to the numbers of nodes and clients, so it is left out where a switch
 * gives one of them a part of its own, and in traces.
 */
#ifdef SYMMETRY
c_code {
	typedef struct Node NodeRecord;
	typedef struct Client ClientRecord;

	static void sortNodes(NodeRecord *node) {
		NodeRecord moved;
		int i, j;
		for (i = 1; i < NODES; i++)
			for (j = i; j > 0 && memcmp(&node[j-1], &node[j], sizeof moved) > 0; j--) {
				moved = node[j];
				node[j] = node[j-1];
				node[j-1] = moved;
			}
	}

#ifdef EXCHANGEABLE
	/* exchanged is a node as it would be with the clients exchanged. */
	static NodeRecord exchanged(NodeRecord *from) {
		NodeRecord to = *from;
		int t;
		if (from->value)
			to.value = (from->value - 1 + TRIES) % TOKENS + 1;
		for (t = 0; t < TOKENS; t++)
			to.stake[(t + TRIES) % TOKENS] = from->stake[t];
		to.voter[0] = from->voter[1];
		to.voter[1] = from->voter[0];
		return to;
	}

	static void sortAll(NodeRecord *node, ClientRecord *client) {
		int i, order = memcmp(&client[0], &client[1], sizeof client[0]);
		NodeRecord other[NODES];
		ClientRecord moved;
		sortNodes(node);
		if (order < 0)
			return;
		for (i = 0; i < NODES; i++)
			other[i] = exchanged(&node[i]);
		sortNodes(other);
		if (order == 0 && memcmp(node, other, sizeof other) <= 0)
			return;
		memcpy(node, other, sizeof other);
		moved = client[0];
		client[0] = client[1];
		client[1] = moved;
	}
#else
	static void sortAll(NodeRecord *node, ClientRecord *client) { sortNodes(node); }
#endif
}
#define normal()	c_code { sortAll(now.node, now.client); }
#else
#define normal()	skip
#endif

/* Sums and questions over all nodes or clients. */
#if NODES == 1
#define SUM(what, c)	(what(0, c))
#define ANY_NODE(is)	(is(0))
#elif NODES == 3
#define SUM(what, c)	(what(0, c) + what(1, c) + what(2, c))
#define ANY_NODE(is)	(is(0) || is(1) || is(2))
#elif NODES == 5
#define SUM(what, c)	(what(0, c) + what(1, c) + what(2, c) + what(3, c) + what(4, c))
#define ANY_NODE(is)	(is(0) || is(1) || is(2) || is(3) || is(4))
#endif
#if CLIENTS == 1
#define ANY_CLIENT(is)	(is(0))
#define SUM_CLIENTS(is)	(is(0))
#elif CLIENTS == 2
#define ANY_CLIENT(is)	(is(0) || is(1))
#define ANY_CLIENT_AT(i, is)	(is(i, 0) || is(i, 1))
#define SUM_CLIENTS(is)	(is(0) + is(1))
#elif CLIENTS == 3
#define ANY_CLIENT(is)	(is(0) || is(1) || is(2))
#define ANY_CLIENT_AT(i, is)	(is(i, 0) || is(i, 1) || is(i, 2))
#define SUM_CLIENTS(is)	(is(0) + is(1) + is(2))
#endif
