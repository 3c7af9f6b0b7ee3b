package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// pause is the time between reading the counter and writing it back. It makes
// the race wide: without a lock, most additions fall into another one's pause.
const pause = 2 * time.Millisecond

// counter is the path of a file that holds one number, for several processes to
// add to. Nothing protects it: whoever adds must keep the others out.
type counter string

// read returns the number in the file.
func (c counter) read() (int, error) {
	text, err := os.ReadFile(string(c))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// write puts n in place of the old number. The text has a fixed width and goes
// out in one piece, so a concurrent reader finds the old number or the new one
// and never a shorter file: additions get lost, and nothing else goes wrong.
func (c counter) write(n int) error {
	file, err := os.OpenFile(string(c), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(file, "%010d\n", n); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// addOne reads the number, waits, and writes the next one, which it returns.
func (c counter) addOne() (int, error) {
	n, err := c.read()
	if err != nil {
		return 0, err
	}
	time.Sleep(pause)
	return n + 1, c.write(n + 1)
}
