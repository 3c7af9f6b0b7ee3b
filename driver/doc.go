// Package driver is the border between Holdfast's engine and the Redis client
// that an application already uses.
//
// A [Pool] is one voter: one independent Redis (a single server, a Sentinel
// group or a Cluster) that the engine sends calls to. Drivers for go-redis and redigo
// live in the packages below this one, and those for rueidis and valkey-go in modules there.
//
// # Write a driver
//
// A driver for another client needs one method, [Pool].Eval:
//
//   - Send the words of [Call.Command]. They are of type string, int or int64; a client that
//     takes strings writes the numbers in decimal. The slice is shared: copy it to change it.
//   - Return an integer as int64, a bulk or a status as string, nil for nil, and an array as
//     []any of these.
//   - When the server answers NOSCRIPT to a script's call ([Call.LacksScript]), send
//     [Call.SourceCommand] with the ctx of [ResendContext]. Nothing has run then.
//   - Send nothing else again. Switch the client's retries off, also those of reads, and its
//     cache: a lock that is asked for twice has two outcomes.
//   - Wrap what the server answered in a [ReplyError], with the server's text, also when
//     it refused a login. Every other error means that the outcome is not known.
//   - Return at the deadline of ctx, and send nothing once ctx has ended.
//   - Do not use a connection again that a [FailoverDetector] has found to lead to a replica.
//
// Abilities that not every client has are small interfaces that a Pool may also implement:
//
//   - [Batcher] sends many calls in one write. Without it each call is a request.
//     [EvalBatch] does most of it.
//   - [Dialer] makes connections for locks alone, so that making one is not part of a call.
//     Without it a server that is far away must answer a handshake within a call's bound.
//   - [Bounded] promises to return in time, which saves a goroutine per call.
//   - [Subscriber] receives what releases publish. Without it waiters poll.
//     [OpenSubscription] does most of it.
//   - [Identified] and [Located] say which server it is, for errors; [Validator] that it
//     cannot be a voter; [Laner] which server of a Cluster a call goes to.
//
// # What the drivers here have in common
//
//   - Locks have connections of their own, as a [Dialer] makes them, so what the application's
//     commands use up delays no lock. They are at most 16 per factory and server: as many as
//     were needed at a time, and some ahead. Half a minute without use closes one.
//   - Renewals and other calls that the engine has at the same time are sent as one batch.
//     In a batch, too, a script's source goes to a server once, and each call has its own limit.
//   - After a failover an address may lead to another server, while the connections to the old
//     one are well. One that answers as a replica does (READONLY, MASTERDOWN, LOADING) is
//     closed. The subscription ends with its next PING, and is made anew.
//   - A subscription has a connection to itself. A PING every ten seconds ([PingInterval])
//     ends it within twenty when the server or the network has fallen silent. It stays when
//     the user may not run PING: the refusal is an answer.
//
// The documentation of each says where it differs.
//
// Package drivertest proves a driver, in any module, and lists what each of its cases needs.
package driver
