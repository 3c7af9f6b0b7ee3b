// Package outbox is the way from the engine to one node: it sends a call, and reports
// whether the call was sent, was answered, or is late.
//
// # Lanes, flights and batches
//
// Every server has a lane: a single node one, a Cluster one for each master, which the
// driver names. A lane has a few flights at a time. A flight is one request to the
// server: a call, or a batch of calls when several were waiting. A call that comes while
// all flights are taken waits in the lane, and leaves with the next one.
//
//	calls → waiting, by class → flight (at most 16, 128 calls, 64 KiB) → answers
//
// A call leaves at once while fewer than two flights are under way: that keeps a near
// server busy, and larger batches cost both sides less. Beyond two, a flight waits for no
// answer, but for a moment in which other calls may join it. So a far server serves a crowd
// many times as large as the number of connections in a few round trips. A call that
// may wait does so for a full batch, even where nothing is under way; but it goes with any
// other call that leaves.
//
// Flights that begin together land together, and what comes between would wait for a place
// for most of a round trip. So beyond half of the flights they keep a spacing: a sixteenth of
// the last round trip, or more while the places that are left have to last longer. What comes
// meanwhile shares the next flight.
//
//	spacing = max(round trip / 16, until the oldest flight lands / (places left + 1))
//
// While a load lasts a call waits for about a sixteenth of a round trip at most. It waits for
// a ninth, the most there is, where half of the places were taken at once. Up to eight callers
// never wait for it. A flight that nothing can join, such as a full batch, keeps no spacing, nor
// does one to a server so near that the places suffice without it.
//
// # Sent and not sent
//
// Whether a call was sent is decided under the lane's lock, when its flight is cut. Its
// bound counts from there, and so does whatever validity its answer may grant. A call
// that was not sent is known to have had no effect: nothing needs to be undone. A call ends
// so when it is withdrawn, when no connection can be made, or when the server has shown no
// sign of life for the call's whole bound.
//
// A call that was sent is late when its bound has passed. Its answer is reported even so.
//
// A sign of life is an answer, or a new connection to a server that has not failed since it
// last answered. A server is silent when a bound has passed without one, also while a
// connection is being made for calls that were withdrawn. It is still asked, but by one
// flight at a time, and by one dial at a time, until there is such a sign.
//
// # Connections
//
// A driver that can dial makes connections for the lane alone. Dialing has the client's
// own timeout and not a call's, goes on when the call that needed it has given up, and
// serves the next one. Where a node decides alone, calls wait for the only connection
// for eight bounds, as a dial takes several round trips; when that was in vain, for
// one. A lane makes connections ahead: when a flight begins, as many are to be idle as other
// flights are under way; none for a caller that is alone. It has as many as flights at
// most, and closes those that were not used for a while, that broke, or on which the driver
// has waited for several bounds. If one cannot be made, and there is no other, waiting calls
// are not sent; if there are others, the next try comes after a pause.
package outbox
