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
//   - [redis.Ring] is refused: its shards are independent servers and a shard
//     that is down is silently replaced by another, so that two holders of one
//     lock could each be granted it. Make one pool for each server instead.
//   - Any other [redis.UniversalClient], such as a wrapper or a mock, is used
//     through its Process method. It decides itself about timeouts and retries.
//
// # Connections
//
// The pool is a [driver.Dialer]: locks have connections of their own, made with the
// client's options: its address, dial function, TLS, credentials, OnConnect and
// DialTimeout, which bounds all that it takes to make one. PoolSize does not count them,
// and what the application's own commands use up is no matter to locks. There are at
// most 16 a factory and server, as many as were needed at a time and some ahead, and each
// is closed after half a minute without use. Once the client is closed none is made any more. A
// client of another type than those above has its own connections in all cases.
//
// # Time limits and retries
//
// A call ends by the deadline of its ctx, and a command whose reply was lost is
// never sent again, whatever the client's options say: ReadTimeout, WriteTimeout,
// ContextTimeoutEnabled, MaxRetries and the retry backoffs of the application's client
// do not matter here. Hooks for commands and a Limiter do.
//
// A call returns in time in the caller's own goroutine, with two exceptions. ReadTimeout
// or WriteTimeout -2 tells go-redis never to set a deadline on a socket, so none is set
// here either. And a Limiter and credentials providers are the application's code, which
// may take its time.
//
// # What errors say
//
// A connection for locks is dialled once, and what stands in its way is told at once: that
// a port refuses, or that a name is not known. Errors name the server's address, and of a
// Cluster those that the client begins with. Of sentinels none is known.
//
// Two pools lead to the same server if they share a client or an address, whatever the
// database; mutex.New and its like refuse them. localhost is taken for 127.0.0.1, and no
// name is looked up. What a Dialer of the application's own, sentinels or a wrapper lead to
// is not known: then only the same client is found.
//
// # Addresses that move
//
// After a failover the address of a client, a name in DNS or what sentinels say, leads
// to another server, while the connections to the old one are as healthy as before. A
// connection that answers as a replica does (READONLY, MASTERDOWN, LOADING) is closed, so
// that the next call makes a new one; the subscription ends with its next PING, and is
// made anew. Where sockets have no deadlines (see above) go-redis alone closes what
// answers READONLY. A ClusterClient loads its layout again instead.
//
// # Hooks
//
// Hooks that were added to a [redis.Client] before NewPool run around every
// lock command, and may change its words. They run in the caller's goroutine
// and must return when their ctx ends. Hooks that are added later do not run.
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
// In a Cluster a prefix moves the lock's key to another slot than the keys of those that
// wait, unless the prefix or the lock's name has a hash tag ("{app}:", "{invoice:42}").
// Without one locks work, but their waiters poll.
//
// # Batches
//
// The pool is a [driver.Batcher]: calls that the engine has at the same time, to renew
// many holds, go out as one pipeline, over a Cluster as one for each master. A server that
// lacks a script is sent its source once. Limits and retries are those of single calls.
//
// A batch takes a connection from the client's pool, as single calls do. The second pool
// that go-redis has for pipelines since 9.23 stays empty. A client with a
// StreamingCredentialsProvider uses that pool; PipelinePoolSize: -1 makes it one again.
//
// # Subscriptions
//
// A pool is a [driver.Subscriber]: where waiters are woken by messages, each
// subscription has one connection of its own. That connection is made with the
// client's Dialer, TLS configuration, credentials, DB, ClientName and OnConnect.
// It speaks RESP2 whatever the client speaks, and is not one of its pool: PoolSize, MaxActiveConns and PoolStats do not know
// it, ReadTimeout and WriteTimeout do not end it, and MaxRetries does not apply.
// It never reconnects, not even for a server that announces its maintenance.
// Hooks run neither for dialling it nor for its SUBSCRIBE and PING; a Limiter is
// asked only about what go-redis sends by itself on every new connection.
//
// A PING goes out every ten seconds ([driver.PingInterval]), so that a server or
// a network that has fallen silent ends the subscription within twenty. A user
// who may not run PING is answered too, and stays subscribed. Closing the client
// ends its subscriptions with the next PING.
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
