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
// The pool is a [driver.Dialer]: locks have connections of their own, made by the pool's
// dial function, which MaxActive does not count. So what the application's own commands
// use up is no matter to locks. There are at most 16 a factory and server, as many as were
// needed at a time and some ahead, and each is closed after half a minute without use. IdleTimeout,
// MaxConnLifetime and TestOnBorrow hold for them as for the pool's.
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
// # The same server twice
//
// Two pools of one redigo pool lead to the same server; mutex.New and its like refuse
// them. What address a dial function has is not known, so two redigo pools of one server
// are not found out.
//
// # Addresses that move
//
// After a failover the dial function may lead to another server, while the connections
// to the old one are as healthy as before. A connection that answers as a replica does
// (READONLY, MASTERDOWN, LOADING) is closed, so that a call after it dials; the
// subscription ends with its next PING, and is made anew.
//
// # Batches
//
// The pool is a [driver.Batcher]: calls that the engine has at the same time, to renew
// many holds, go out on one connection before the first reply is read. A server that
// lacks a script is sent its source once. Limits and retries are those of single calls.
//
// # Subscriptions
//
// The pool is a [driver.Subscriber]: where waiters are woken by messages, each
// subscription has one connection of its own. It comes from DialContext or Dial
// but is not one of the redigo pool: MaxActive, IdleTimeout, MaxConnLifetime,
// TestOnBorrow and ActiveCount do not know it. redigo does not tell whether a pool
// was closed, so closing it does not end a subscription, and one can still be
// opened; the caller that opened it closes it.
//
// The connection's read timeout does not end an idle subscription. A PING goes
// out every ten seconds ([driver.PingInterval]), so that a server or a network
// that has fallen silent ends it within twenty. A user who may not run PING is
// answered too, and stays subscribed. Nothing reconnects.
//
// Connections of a type that knows no timeouts cannot subscribe
// ([driver.ErrNoSubscribe]), as their read timeout would end it. Others must
// allow what redis.Dial's allow: one goroutine that receives, one that sends, and
// a Close at any time. A Dial that hangs keeps a goroutine, but not the caller.
package redigo
