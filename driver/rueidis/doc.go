// Package rueidis makes a [driver.Pool] of a rueidis client.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"localhost:6379"}})
//	// …
//	locks := mutex.New(holdfastrueidis.NewPool(client))
//
// A client of one server, of a Sentinel group and of a Cluster will do, and each is one
// voter. The application keeps its client, and closes it, which also ends what locks use
// of it. It connects when it is made, so NewClient fails while its server is down. With
// ForceSingleClient it returns a client beside the error, which connects later.
//
// # Connections
//
// Calls do not go through the pipeline that the application's commands share. They have
// connections of the client's pool for blocking commands, of which each has one call or batch
// at a time. In the pipeline a call that is given up would stay in line, and be
// sent after the release that was to follow it.
//
// For one server and for a Sentinel group the pool is a [driver.Dialer]: a factory
// takes up to 16 of these connections as its own. Making one has the client's dial timeout and
// not a call's. A Cluster's are made within the call that needs one. BlockingPoolSize, by
// default 1024, counts all of them, and those of subscriptions. Where it is used up, locks
// wait for the application. The client pings idle ones at the interval Dialer.KeepAlive.
//
// # Time limits and retries
//
// A call ends at the deadline of its ctx, whatever ConnWriteTimeout is. Nothing is sent again:
// the client retries reads only, and calls are not marked as such, so that DisableRetry makes no
// difference. In a Cluster the client follows MOVED and ASK, which ran nothing. Its cache
// has no part in calls.
//
// # Batches
//
// The pool is a [driver.Batcher]: calls that the engine has at the same time go out in one
// write. That of a Cluster is not: the client panics when a command of a batch is answered
// with ASK, as happens while a slot moves. There each call is a request, up to 16 at a time.
//
// # Errors
//
// An error that the server sent is a [driver.ReplyError] with a *rueidis.RedisError inside.
// The client cuts ERR off an error's text; the driver puts it back.
//
// # Subscriptions
//
// The pool is a [driver.Subscriber], if the server speaks RESP3, as Redis does since 6.0. With
// AlwaysRESP2 it is not ([driver.ErrNoSubscribe]): waiters poll. Calls then take connections of
// the client's in turn, and making one is a part of the call. A subscription has a connection
// of its own, and nothing reconnects. To close one whose server is silent takes a second.
//
// # Addresses that move
//
// A connection that answers as a replica does (READONLY, MASTERDOWN, LOADING) is closed, and
// the subscription ends with its next PING.
package rueidis
