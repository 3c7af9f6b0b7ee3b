// Package examples has no code of its own. README.md beside it says what each of the
// programs in the folders below shows.
//
// The tests here run the programs. They also check the pages: that every Go snippet is part
// of a program, that every link leads somewhere, and that the examples in godoc need nothing
// that their page does not show.
package examples
