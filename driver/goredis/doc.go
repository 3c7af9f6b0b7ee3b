// Package goredis makes a [driver.Pool] of a go-redis client (v9).
//
//	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
//	locks := mutex.New(goredis.NewPool(client))
//
// The client stays the application's own: its options are not changed, and closing it
// is the application's business.
//
// It needs go-redis 9.22 or later. Older versions lose a message, or hang, when a
// push of RESP3 arrives in two pieces.
//
// # Which clients
//
//   - [redis.Client], for one server or, made by [redis.NewFailoverClient], one
//     Sentinel group. RESP2 and RESP3 alike.
//   - [redis.ClusterClient]: the whole Cluster is one voter. A call goes to the
//     master of its first key and follows MOVED and ASK, at most MaxRedirects
//     times.
//   - [redis.Ring] is refused. Its shards are independent servers, and another
//     one silently replaces a shard that is down. So two processes could each be
//     granted one lock. Make one pool for each server instead.
//   - Any other [redis.UniversalClient], such as a wrapper or a mock, is used
//     through its Process method. It decides itself about timeouts and retries.
//
// # Connections
//
// The connections for locks, at most 16 per factory and server, are made with the client's
// address, dial function, TLS, credentials, OnConnect and DialTimeout. The last bounds all that
// it takes to make one. PoolSize does not count them. Once the client is closed none is made
// any more. For a client of another type than those above, its own connections are used.
//
// # Time limits and retries
//
// A call ends by the deadline of its ctx, and a command whose reply was lost is never sent
// again. ReadTimeout, WriteTimeout, ContextTimeoutEnabled, MaxRetries and the retry
// backoffs of the application's client do not matter here. Hooks for commands and a Limiter
// do.
//
// A call returns in time in the caller's own goroutine, with two exceptions. ReadTimeout
// or WriteTimeout -2 has go-redis never set a deadline on a socket, so none is set
// here either. And a Limiter and credentials providers are the application's code, which
// may take its time.
//
// # What errors say
//
// A connection for locks is dialled once. What stands in its way is reported at once, such as
// a port that refuses, or a name that is not known. Errors name the server's address, and of a
// Cluster those that the client begins with. Of sentinels none is known.
//
// Two pools lead to the same server if they share a client or an address, whatever the
// database; mutex.New and its like refuse them. localhost is taken for 127.0.0.1, and no
// name is looked up. What a Dialer of the application's own, sentinels or a wrapper lead to
// is not known: then only the same client is found.
//
// # Addresses that move
//
// After a failover the address of a client leads to another server, be it a name in DNS or
// what sentinels say. Package driver says how that is noticed. Where sockets have no deadlines
// (see above) go-redis alone closes what answers READONLY. A ClusterClient loads its layout
// again instead.
//
// # Hooks
//
// Hooks that were added to a [redis.Client] before NewPool run around every lock command,
// and may change its words. These commands are EVALSHA and EVAL, and the SET with NX that
// takes a free mutex. The hooks run in the caller's goroutine and must return when their
// ctx ends. Hooks that are added later do not run.
//
// For a [redis.ClusterClient] these are the hooks of its node clients, added by
// OnNewNode. Hooks of the ClusterClient itself do not run: go-redis offers no
// way to it. Where they must, for example because a hook puts a prefix before
// every key, hand NewPool the client inside a struct of your own
//
//	type hooked struct{ *redis.ClusterClient }
//
// so that it is used through Process, with the ClusterClient's own timeouts and
// its retries, which then may run a script a second time. A hook of the node clients that
// changes keys comes too late: the node was chosen by the bare key, so that most calls
// are redirected.
//
// In a Cluster a prefix moves the lock's key to another slot than the waiters' keys. Let the
// prefix or the lock's name have a hash tag ("{app}:", "{invoice:42}"), which prevents that.
// Without one locks work, but their waiters poll.
//
// # Batches
//
// The pool is a [driver.Batcher]. A batch is one pipeline, or over a Cluster one for each
// master. It takes a connection as single calls do. The second pool
// that go-redis has for pipelines since 9.23 stays empty. A client with a
// StreamingCredentialsProvider uses that pool; PipelinePoolSize: -1 makes it one again.
//
// # Subscriptions
//
// A pool is a [driver.Subscriber]. The connection of a subscription is made with the client's Dialer, TLS
// configuration, credentials, DB, ClientName and OnConnect. It speaks RESP2 whatever the
// client speaks. It is not one of the client's pool: PoolSize, MaxActiveConns and PoolStats
// do not count it. ReadTimeout and WriteTimeout do not end it, and MaxRetries does not
// apply. It never reconnects, not even for a server that announces its maintenance. Hooks
// run neither for dialling it nor for its SUBSCRIBE and PING. A Limiter is asked only about
// what go-redis sends by itself on every new connection.
//
// Closing the client ends its subscriptions with the next PING.
//
//   - Sentinel: the subscription is on the master. After a failover the sentinels
//     cut it, but one of a master that is still alive only after some ten
//     seconds, in which nothing comes.
//   - Cluster: PUBLISH reaches every node, so the subscription is on a master
//     drawn at random, and ends when that one goes away.
//   - A client of another type is used through its Subscribe method, and opens
//     within its own time limits. When that returns nil, or the server refuses,
//     waiters poll.
package goredis
