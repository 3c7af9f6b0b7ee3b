// Package plot draws distributions of waiting times as an SVG: for each line,
// the share of waits that were over after a time, on a logarithmic axis. It has
// no background and uses colours that can be read on white and on black.
package plot
