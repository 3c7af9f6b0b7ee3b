// Package filecycles checks the shape of the engine's packages: which files use each other
// in a circle, how many methods a type has, and how long functions are.
//
// A file uses another of its package when it names something that is declared there: a
// type, a function, a method, a field, a constant or a variable. Files that use each other
// can only be understood together, and none of them can become a package of its own. The
// compiler finds such circles between packages only.
//
//	go test -v ./internal/filecycles
package filecycles
