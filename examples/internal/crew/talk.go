package crew

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Talk is one end of the conversation between a program and one of its crew.
type Talk struct {
	out io.Writer
	in  *bufio.Reader
}

// NewTalk returns the end that says its lines to out and hears those from in.
func NewTalk(out io.Writer, in io.Reader) *Talk {
	return &Talk{out: out, in: bufio.NewReader(in)}
}

// Say sends one line.
func (t *Talk) Say(line string) error {
	_, err := fmt.Fprintln(t.out, line)
	return err
}

// Hear returns the next line, or io.EOF when the other end has gone.
func (t *Talk) Hear() (string, error) {
	line, err := t.in.ReadString('\n')
	return strings.TrimSpace(line), err
}

// HearEnd waits for the end of the conversation.
func (t *Talk) HearEnd() error {
	for {
		if _, err := t.Hear(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
