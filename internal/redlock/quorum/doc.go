// Package quorum asks the nodes one question, returns with the majority's decision, and
// reports to an observer what becomes of the rest.
//
// # A round
//
// A [Round] puts one call into the outbox of every node. Its caller waits for the decision
// and not for stragglers: "yes" stands with the majority's last yes, "no" as soon as too few
// nodes are left for a majority. A majority is one of the configured nodes, whether they are
// up or not. An answer that comes later is still recorded, and reported.
//
//	question ── every outbox ──► answers ──► majority of yeses ──► won
//	                                    └──► too few may follow ─► not won
//
// A node's time begins when its call is sent. One that is late does not vote any more,
// unless its answer still comes before the decision. Some nodes are not asked, as their
// answers are known; of some the votes do not count; and of some another round's call
// brings the answer: Excuse, Mute and Join say which, before the round is run.
//
// # Votes that agree
//
// Where nodes choose what their yes is for, votes agree that have chosen the same. Numbers
// that come with the votes are compared: the outcome has the largest, and how many votes
// came with it. What a choice, a number or a node's details mean, only the caller knows.
//
// # Silent nodes
//
// A node that was silent is asked, but is a spare as long as a majority of the others may
// be there: it is not waited for. When they are too few, spares are waited for after all. In a
// contended round, where another client may lack the same node, that wait is short.
//
// # What was not sent
//
// Calls that have not left when a round closes are withdrawn, or wait on: the question says
// which. They have changed nothing.
//
// An [Observer] gets each answer before it counts. So what the observer keeps is up to
// date for the one who acts on the decision.
package quorum
