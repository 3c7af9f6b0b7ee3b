// Package otelholdfast makes OpenTelemetry metrics and spans of what happens to locks.
//
//	hooks, err := otelholdfast.New()
//	m := locks.NewMutex("invoice:42", mutex.WithHooks(hooks))
//
// One value serves any number of locks. It is made of [holdfast.Hooks], and can be joined
// with others: [holdfast.LogHooks] for a log, [holdfast.HolderHooks] for who holds what a
// call waits for.
//
// # Metrics
//
//	holdfast.lock.wait_time         histogram, s                  kind, outcome, error.type
//	holdfast.lock.use_time          histogram, s                  kind, outcome, error.type
//	holdfast.lock.pending_requests  up-down counter, {request}    kind
//	holdfast.lock.held              up-down counter, {lock}       kind
//	holdfast.lock.extensions        counter, {extension}          kind, outcome, error.type
//	holdfast.lock.losses            counter, {loss}               kind
//	holdfast.node.errors            counter, {error}              kind, node, error.type
//
// wait_time is how long calls took to lock, use_time how long locks were held. What is
// held, and what was lost, is counted in slots for a semaphore, and in readers for a read
// lock. The names follow db.client.connection of the semantic conventions, which measure
// the same for a pool of connections.
//
// Attributes are holdfast.lock.kind, such as "rwmutex.read"; holdfast.outcome;
// holdfast.node, the number of the node in the order of the pools; and, of what failed,
// error.type. The latter is the outcome; of a node's error it is "timeout" where the node
// did not answer in time, "reply" where it answered with an error, and "connection" else.
//
// Outcomes of a wait:
//
//	acquired       the nodes granted the lock
//	passed         another goroutine of the same object passed its lease on
//	granted        a holder's release granted the lock
//	taken          another client held the lock until the tries were used up
//	timeout        the context's deadline passed
//	canceled       the context was cancelled
//	misconfigured  the call was an ErrConfig
//	failed         too few nodes answered, or anything else
//
// Outcomes of a use are released, passed, lost, and, where too few nodes answered the
// release, failed, canceled or timeout. Those of an extension are won, lost, expired where the
// lock was not held any more, canceled, timeout, misconfigured and failed.
//
// The lock's name is no attribute, as there may be any number of them; [WithLockName] adds
// a text of yours as holdfast.lock.name to metrics and spans. With [holdfast.HolderHooks]
// wait_time has holdfast.lock.holder, where that found a holder; see there for how many
// values that may have.
//
// # Spans
//
// A call that locks is a span, "acquire mutex" for example, around the requests that it
// sends: those of an instrumented Redis client are its children. It ends when the call does,
// with the number of its tries. A span "hold mutex" is as long as the lock was held. It is
// made at the release, as a child of the span in that call's context, and not without one: so
// use UnlockContext, or Do. Neither carries a token or an error's text, which may repeat one.
//
// examples/hiddenwait is a program that makes a hidden wait visible: in metrics, log and trace,
// and by the command holdfast show.
//
// # Dashboard and alerts
//
// grafana/holdfast.json is a dashboard for these metrics as the Prometheus exporter names
// them, and prometheus/alerts.yaml has rules for failing renewals and for losses.
package otelholdfast
