// Package redigo makes a [driver.Pool] of a redigo connection pool.
//
//	pool := &redis.Pool{
//		MaxIdle:   8,
//		MaxActive: 64,
//		Wait:      true,
//		DialContext: func(ctx context.Context) (redis.Conn, error) {
//			return redis.DialContext(ctx, "tcp", "localhost:6379")
//		},
//	}
//	locks := mutex.New(redigo.NewPool(pool))
//
// The pool stays the application's own: it is not changed, and closing it is the
// application's business. It must lead to one server: what its dial function
// returns from one time to the next decides which server votes.
//
// The connections for locks, at most 16 per factory and server, are made by the pool's dial
// function. MaxActive does not count them. IdleTimeout, MaxConnLifetime and TestOnBorrow hold
// for them as for the pool's.
//
// Without MaxActive the pool opens a connection for each of the application's commands in a
// crowd, and without Wait a command that finds all in use fails.
//
// It needs redigo 1.9 or later. The version v2.0.0+incompatible is an older release, and
// does not compile here.
//
// # Time limits and retries
//
// A call waits for its reply no longer than until the deadline of its ctx; this
// takes the place of the read timeout that the connection was dialled with. The
// connection's write timeout applies. redigo never sends a command again by itself.
//
// Making a connection runs the application's code, DialContext or Dial, in a goroutine of
// its own: no call waits for it beyond its own time, and it serves the next. Give it a
// connect and a read timeout all the same. With one node only, a call is made in the
// caller's own goroutine, unless there is a TestOnBorrow, which may take its time.
//
// Connections of a type that knows no timeouts ([redis.ConnWithTimeout]) are
// used by [redis.ConnWithContext], or else by Do, without a limit.
//
// # Types that wrap a pool
//
// NewPool takes any type that has GetContext, such as one that counts connections. Calls
// then use the connections that it returns, one at a time, with the same limits, batches and
// errors. Nothing else is known of such a type, so locks lose what needs the dial function:
//
//   - They have no connections of their own: MaxActive counts those that they use, and a call
//     waits while the application's commands use all of them. A call that gets none in its
//     time has failed, and is settled like one that was sent.
//   - Making a connection is a part of the call that needs it. A server whose handshake takes
//     longer than a call may (the expiry times the timeout factor, 400 ms by default) is
//     never reached.
//   - There is no subscription, as it would keep one of these connections: waiters poll, once
//     per retry delay, and no release is passed on to them.
//   - A call runs in a goroutine of its own, also with one node only. A GetContext that does
//     not return at the end of its ctx keeps that goroutine, but not the caller.
//   - A server that refuses connections is dialled anew by each call.
//
// Where you can, give NewPool the pool inside, or one with the same DialContext.
//
// # The same server twice
//
// Two pools of one redigo pool lead to the same server; mutex.New and its like refuse
// them. What address a dial function has is not known, so two redigo pools of one server
// are not found out, nor are two wrappers of one pool.
//
// # Addresses that move
//
// After a failover the dial function may lead to another server. Package driver says how
// that is noticed; a call after it dials.
//
// # Batches
//
// The pool is a [driver.Batcher]: a batch goes out on one connection before the first reply
// is read.
//
// # Subscriptions
//
// The pool is a [driver.Subscriber]. A subscription's connection comes from DialContext or
// Dial but is not one of the redigo pool: MaxActive, IdleTimeout, MaxConnLifetime,
// TestOnBorrow and ActiveCount do not know it. redigo does not show whether a pool
// was closed, so closing it does not end a subscription, and one can still be
// opened; the caller that opened it closes it.
//
// The connection's read timeout does not end an idle subscription. Nothing reconnects.
//
// Connections of a type that knows no timeouts cannot subscribe
// ([driver.ErrNoSubscribe]), as their read timeout would end it. Others must
// allow what redis.Dial's allow: one goroutine that receives, one that sends, and
// a Close at any time. A Dial that hangs keeps a goroutine, but not the caller.
package redigo
