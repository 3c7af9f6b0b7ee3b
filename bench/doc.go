// Package bench compares Holdfast with its peers. It is a module of its own, so
// that the peers never become dependencies of Holdfast.
//
//   - cmd/compare measures everything side by side and writes the README's tables.
//   - The benchmarks of this package are for benchstat, to compare two versions of
//     Holdfast on one machine.
//   - Package interop proves that Holdfast and redsync work together.
package bench
