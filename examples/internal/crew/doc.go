// Package crew lets an example run further processes of itself, and talk with
// them line by line over their standard input and output. When the program that
// started them goes, their input ends, and so do they.
package crew
