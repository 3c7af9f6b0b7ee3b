// Package contend makes the goroutines of one process, or of several, contend
// for one lock, and notes how long each of them waited.
//
// A load has three parts. In the warm-up everybody comes and gets in line; in
// the window sections are counted; after it nobody asks for the lock any more,
// and those that wait for it still get it and are noted, so that the longest
// waits are not cut off by the end.
package contend
