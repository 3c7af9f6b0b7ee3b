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

// NewTalk returns the end that writes its lines to out and reads those from in.
func NewTalk(out io.Writer, in io.Reader) *Talk {
	return &Talk{out: out, in: bufio.NewReader(in)}
}

// Say sends one line.
func (t *Talk) Say(line string) error {
	_, err := fmt.Fprintln(t.out, line)
	return err
}

// ReadLine returns the next line, or io.EOF when the other end has gone.
func (t *Talk) ReadLine() (string, error) {
	line, err := t.in.ReadString('\n')
	return strings.TrimSpace(line), err
}

// AwaitEnd waits for the end of the conversation.
func (t *Talk) AwaitEnd() error {
	for {
		if _, err := t.ReadLine(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
