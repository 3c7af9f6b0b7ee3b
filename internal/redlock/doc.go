// Package redlock is the engine of every primitive: it runs a [Protocol] on a
// fixed list of independent nodes and decides by majority. It knows no primitive
// by name and no client library.
//
// # The life of a lease
//
// A call makes tries, metered by its backoff. A try makes a fresh token and a lease
// for it, and runs one round:
//
//	try ── round ──► won, in time     ──► the caller's lease, valid until
//	         │                             start + expiry − expiry·driftFactor
//	         └────► refused, too late,
//	                unknown           ──► abandoned, settled in the background
//
// A round asks every node at once and returns with the majority's decision: see package
// quorum. Its stragglers go on without it, and the lease gets their answers. A lease
// keeps, for each node, whether its token is there, may be there, or is on its
// way there; that is all it takes to leave nothing behind:
//
//   - A release goes out to a node only when no call that could put the token
//     there is with the driver any more. The end of the last such call sends it.
//   - An answer that was lost, or timed out, means "may be there". The request may
//     still be on its way, or wait in a buffer of a stopped server, and run after the
//     release that is answered first; so that release is followed by two more.
//   - A release without a certain answer is pending on its node, and is sent
//     again when the node next answers anything, and after a pause in any case,
//     until it is answered or its key has expired. A node's queue holds up to
//     retry.Max of them: beyond that the oldest is dropped, and its key expires.
//     If a release may have run, a later one that finds nothing proves no loss: the
//     first certain answer is the last word.
//   - A value of the user's own is kept away from a node, on its lock, as long as a
//     release of it is under way there, or may follow.
//   - Answers of calls that were under way to one node at once prove nothing
//     about the order in which they ran. Then only a release, which goes out
//     alone, settles the node.
//
// # The way to a node
//
// Every call goes by its node's outbox, package outbox, which bounds what is under way,
// sends what waits as batches, and reports of each call whether it was sent. A vote's start
// is the moment of sending, and validity counts from the earliest of the votes that agree.
// A call that was not sent has changed nothing: no release is due for it. A round that was
// not won takes back what it has not sent; one that was won leaves it, so that a slower
// node has the lease too.
//
// # Waiting
//
// A call that waits does so in two lines. In the process, goroutines that share an
// object form a queue, and only its head asks the nodes. On the nodes, a refused try leaves
// the object's ticket, a place in line:
//
//	try ── refused ──► ticket on the nodes ──► notified by a majority ──► try at once
//	                                    ├──► notified by fewer      ──► … after a random while
//	                                    ├──► time for a look        ──► …
//	                                    └──► retry delay over       ──► try, unless it is quiet (this one counts)
//
// A waiter is quiet while it is notified of all that could let it in: see quiet.go.
// Releases notify waiters, by one subscription per node while there are waiters: see
// package notify. Nothing rests on that but speed. A ticket is settled as a lease is. A try
// of a waiter that was notified is made in the caller's goroutine if it can be: see ticket.shape.
//
// On one node a release grants the lock to a waiter, whose lease stands in the ticket's id:
// see granted.go. The first try of a call that waits is then SET NX.
//
// # Passing on
//
// When the next in the process's queue wants what the holder gives back, the lease passes
// to it, with the token that is on the nodes; only the holder changes, see pass.go:
//
//	Unlock, another waits ── within a tenure ──► the next holder's
//	                      └── later ── round ──► renewed, none in line: the next holder's
//	                                         └─► others in line, or not renewed: released;
//	                                             the next one asks
//
// Of permits the head of the queue is served while it waits on the nodes, if it asks for as
// many, and does not ask them at that moment. Its ticket then stays where it is, and the one
// behind it, who asks for as many, begins there. After a tenure a permit is released.
//
// # Numbers
//
// A protocol may number its leases. Every node counts its grants, and a won round has
// as many numbers as votes. Where a majority has not said the largest of them, a
// second round writes it back, before the lease begins:
//
//	try ── won, one number ──────────────────────────────────► the caller's lease
//	   └─► won, several ──► write-back ── on a majority ─────► …
//	                                  └── not in time ───────► abandoned
//
// # Renewal and loss
//
// The engine's renewer looks after the leases that are to be renewed, or whose loss
// is to be reported: one timer, with all of them in the order in which they are due. Each
// has a round of its own, which decides as any other, without a goroutine that waits. The
// outboxes send together what is due together.
//
//	renewer ── due ─► the lease's round ──► the nodes' outboxes ──► won: later
//	  │                                            │          └──► not: again
//	  └── Until, by either clock ──► lost ◄── denied
//
// A lease that was reported as lost stays lost, whatever the nodes say later.
//
// # What never happens
//
//   - Two tries with one token: a late release of the first could otherwise
//     delete the counted vote of the second.
//   - An extension that revives a lease, or counts a node that has forgotten it.
//     Such nodes are repaired by a separate step, and vote again only after a
//     round was won without them.
//   - A wait for more than a majority, or for longer than expiry·timeoutFactor,
//     or eight times that for the first connection to an only node. Nor is a node waited for
//     that was silent, while a majority of the others may be there. When they are
//     too few it counts again.
//   - More than sixteen requests to a node at a time, or more than one that may still be
//     answered in time to a node that was silent.
//
// # Where to look
//
// From the ground up. config, errors, causes, token, validity and reply know nothing of the rest.
// protocol is what a primitive brings; engine, node and spec are what its objects are made of;
// observer calls hooks. footprint is where a token may be and how to be rid of it: site is one of
// its nodes, stake what is known of that, and pending sends what was not answered again. None of
// these knows a lease.
//
// lease gives a footprint validity, a block of numbers, a renewal and a loss, and holder is one
// goroutine's time with it. lose finds that it is lost, reasons say why, lost reports it to its
// holder, and hooks to the application's. What is done with a lease is a type of its own:
// acquiring, extend, release and check make and observe the rounds that ask for it, renew it, give
// it back and verify it, by calls; renew is when it is renewed, pass hands it on, and repair sees
// to a single node. grant compares what nodes granted, heir makes a reader's of a writer's, and
// fence agrees on its numbers. None of these knows who waits.
//
// A ticket is how a waiter stands in line, with its deadline and its membership among those who are
// notified; wait is how it waits, and granted a release that ends that. acquire makes the tries
// of a call, and leftovers are what they have left behind. None of these knows an object.
//
// exclusive and locker make an object of it all that has one holder at a time, with a queue, and
// do runs a function under a lease. rw adds readers: shared is their half, sharing the lease that
// they share, readers are theirs in the queue of both. slots, taking, slotqueue, shortage, permit
// and held do the same for numbered slots, where the nodes have to agree not only on whether but
// on which.
//
// Below are packages: quorum asks all nodes one question and decides by majority, outbox is the
// way to one node, notify says which waiters the nodes notify, retry sends again what was not
// answered, renewer calls leases when they are due, keyslot names keys, slotset computes with
// sets of slots, backoff meters the tries of a call, and fifo queues goroutines.
package redlock
