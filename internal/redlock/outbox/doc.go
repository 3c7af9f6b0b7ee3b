// Package outbox is the way from the engine to one node: send this call, and tell me
// whether it was sent, answered, or is late.
//
// # Lanes, flights and batches
//
// Every server has a lane: a single node one, a Cluster one for each master, which the
// driver names. A lane has a few flights at a time. A flight is one request to the
// server: a call, or a batch of calls when several were waiting. What comes while
// all places are taken waits in the lane, and leaves with the next flight.
//
//	calls → waiting, by class → flight (at most 16, 128 calls, 64 KiB) → answers
//
// A call leaves at once while fewer than two flights are under way: on a near server
// that is enough to keep it busy, and larger batches cost both sides less. On a far
// one the next flight need not wait for an answer, but only for a moment in which
// others may come and join it. So a crowd many times as large as the number of
// connections is served in a few round trips. Patient calls, for whose answers nobody
// hurries, wait a little for a full batch even where nothing is under way; but they go
// with any other call that leaves.
//
// # Sent and not sent
//
// Whether a call was sent is decided under the lane's lock, when its flight is cut. Its
// bound counts from there, and so does whatever validity its answer may grant. A call
// that was not sent is known to have had no effect: nothing needs to be undone. That is
// told when it is withdrawn, when no connection can be made, or when the server has
// answered nothing at all for as long as the call was to last.
//
// A call that was sent is late when its bound has passed. Its answer is told even so.
// A server is silent when it has let a bound pass without answering anything, or when no
// connection to it could be made in that time, whether or not a call has waited for one. It
// is asked all the same, but by one flight at a time, until it answers, or until there is a
// connection if that was all it lacked.
//
// # Connections
//
// A driver that can dial makes connections for the lane alone. Dialing has the client's
// own timeout and not a call's, goes on when the call that needed it has given up, and
// serves the next one. Where a node decides alone, what waits for the only connection
// waits for eight bounds, as a dial takes several round trips; when that was in vain, for
// one. A lane makes connections ahead: when a flight takes the last one, as many as other
// flights are under way; none for a caller that is alone. It has as many as flights at
// most, and closes those that were not used for a while, that broke, or on which the driver
// has waited for several bounds. If one cannot be made, and there is no other, what waits
// is not sent; if there are others, the next try comes after a pause.
package outbox
