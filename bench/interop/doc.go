// Package interop proves that Holdfast and redsync exclude each other and
// understand each other: clients of both, Holdfast's on each of its client libraries,
// against the same nodes. It holds tests only.
//
// The nodes come from Holdfast's internal/redistest: redis-server processes where
// there are any, otherwise what HOLDFAST_TEST_BACKEND and its siblings say.
package interop
