// Package filecycles says which files of the engine's packages use each other in a circle.
//
// A file uses another of its package when it names something that is declared there: a
// type, a function, a method, a field, a constant or a variable. Files that use each other
// can only be understood together, and none of them can become a package of its own. The
// compiler finds such circles between packages only.
//
//	go test -v ./internal/filecycles
package filecycles
