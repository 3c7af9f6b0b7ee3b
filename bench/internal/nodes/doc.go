// Package nodes runs the Redis servers that the benchmarks measure against.
//
// Each node is a process of its own, so that a benchmark's client CPU time can
// be kept apart from the server's, and so that a node can be stopped (it hangs: its
// connections stay open and nothing answers) or killed (its port refuses).
//
// The interoperability tests use Holdfast's internal/redistest instead. This
// package exists because a benchmark is a program and not a test: it has no
// testing.TB, and it must not choose an embedded server by itself.
package nodes
