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
//   - When the server answers NOSCRIPT to a script's call, send [Call.SourceCommand] with the
//     ctx of [ResendContext]. Nothing has run then.
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
//   - [Dialer] makes connections for locks alone, so that making one is not part of a call.
//     Without it a server that is far away must answer a handshake within a call's bound.
//   - [Bounded] promises to return in time, which saves a goroutine per call.
//   - [Subscriber] receives what releases publish. Without it waiters poll.
//     [OpenSubscription] does most of it.
//   - [Identified] and [Located] tell which server it is, for errors; [Validator] that it
//     cannot be a voter; [Laner] which server of a Cluster a call goes to.
//
// Package drivertest proves a driver, in any module, and lists what each of its cases needs.
package driver
