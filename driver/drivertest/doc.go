// Package drivertest proves that a driver keeps the contract of [driver.Pool]. Every
// driver runs the same suite, so that all client libraries are alike to locks.
// Its users are tests of drivers, in any module:
//
//	func TestMain(m *testing.M) { drivertest.Main(m) }
//
//	func TestDriver(t *testing.T) {
//		drivertest.Run(t, open)
//		drivertest.RunSubscriber(t, open, setPingInterval)
//	}
//
//	func open(t testing.TB, addr string, opts drivertest.Options) (driver.Pool, func()) {
//		client := theirs.New(theirs.Options{Addr: addr, Password: opts.Password})
//		closeOnce := sync.OnceFunc(client.Close)
//		t.Cleanup(closeOnce)
//		return mydriver.NewPool(client), closeOnce
//	}
//
// The suite starts servers itself: redis-server or valkey-server if one is on the PATH,
// and servers inside the test program otherwise. HOLDFAST_TEST_BACKEND (process, embedded)
// chooses, and HOLDFAST_REDIS_ADDRS lists servers that run already. A case that needs what
// these servers cannot do is skipped.
//
// # What the cases need from a driver
//
// Of every [driver.Pool]:
//
//   - Replies, OddKeys, Concurrent, CommandStaysAsItIs: each type of reply as its Go type,
//     keys and arguments byte for byte, and a call whose words stay as they are.
//   - NoScript, NoScriptInOtherWords: NOSCRIPT is answered by the script's source, once.
//   - Commands: plain commands, which no NOSCRIPT sends again.
//   - WrongType, WrongPassword, OutOfMemory, ReadOnlyReplica, MovedByClusterNode,
//     AnswersAreFinal: what the server answers is a [driver.ReplyError] with the server's own
//     text, at once and without a second request. So is a refused login.
//   - LostReply, LostConnection, GoneAndBack, ClosedClient: everything else that goes wrong
//     is no ReplyError, and nothing is sent twice. Later calls use a new connection.
//   - Faults: the same fault has an error of the same kind, for errors.Is and errors.As: the
//     server's answer, a refused connection, an ended time, or none of these.
//   - EndedContext, PausedServer, HungFromTheStart, Exhausted: nothing is sent for an ended
//     ctx, and the deadline of ctx ends every wait, whatever timeouts the client has.
//   - WrongServer, WrongServerInABatch, MovedAddress: a connection that answers as a replica
//     does is not used again. [driver.FailoverDetector] sees that.
//
// Of a [driver.Bounded], Bounded: EvalBounded ends at the deadline.
//
// Of a [driver.Batcher], Batch and Far: replies in the order of the calls, each with its own
// outcome, on one connection and in one write.
//
// Of a [driver.Dialer], Conns: the same on connections that it makes. Dial reports refused
// logins, takes the client's own time, and makes connections beside those of the client's
// pool. Close ends a call. A second request has a second bound ([driver.ResendContext]).
//
// Of a [driver.Subscriber], by [RunSubscriber]: a subscription is confirmed before it is
// returned, and gets each message once, in order. It pings, notices silence, ends for good
// when its connection does, and never reconnects. A refusal is a [driver.ReplyError].
// [driver.OpenSubscription] does most of it.
package drivertest
