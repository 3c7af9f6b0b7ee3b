// Package redistest gives tests the Redis nodes that they need, and breaks them
// on request.
//
// A test asks for nodes with [Start] or [StartOne] and gets independent, empty
// servers that are gone when the test ends. What runs them is the backend, one
// for the whole test binary. HOLDFAST_TEST_BACKEND names it; when that one cannot be
// had, tests fail instead of running on another one. Without a name it is the first
// that can be had, but never "docker":
//
//   - "addrs": servers that are there already, from HOLDFAST_REDIS_ADDRS
//     (host:port, comma-separated). They are shared: nothing is flushed, paused
//     or restarted, and tests that need it are skipped.
//   - "process": one redis-server or valkey-server process a node, from PATH,
//     without persistence. It dies with the test binary (on Linux even when that
//     is killed).
//   - "embedded": miniredis inside the test binary, see package embedded.
//   - "docker": one container a node, through the Docker engine that answers.
//     The image is HOLDFAST_REDIS_IMAGE (repository:tag), by default
//     redis:7.4-alpine. An image that is there is never pulled. Nodes are at ports
//     of this machine, or, with [WithOwnAddress], at addresses of their own. A
//     program runs them, see containers/main.go: it is a module of its own, which
//     go run compiles, so that no user's go.sum has an engine's libraries in it. It
//     ends, with its containers, when the test binary does, also when that is killed.
//
// [Main] prints which one was used.
//
// What a backend cannot do skips the test with its reason, at the latest when a
// fault is asked for, and before anything runs with [Needs].
//
// Nodes are independent of each other: they know nothing of one another. A
// Redis Cluster and a Sentinel group, always of local processes, come from
// [StartCluster] and [StartSentinel].
package redistest
