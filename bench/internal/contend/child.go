package contend

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
)

// A child is this program run again with an order in its environment. It
// connects, says that it is ready, waits for a line on its standard input, runs
// its load, prints the result, and waits for another line. It ends when its input
// does, so that it never outlives its parent.
//
// The second line comes when all children have their results. A process that ended
// before would leave to the expiry of its keys what its library does in the background,
// and so keep the others waiting: a majority does not wait for the slowest node.

const orderVariable = "HOLDFAST_BENCH_ORDER"

// ready is what a child prints before it waits.
const ready = "ready"

// order is what a child is to do.
type order struct {
	Who   string // a contender's name
	Addrs []string
	Name  string // of the lock
	Load  Load
}

// ServeChild does a child's work and ends the process, if this is a child. Every
// program and test that uses [There] calls it before anything else, a test with
// contenders of its own.
func ServeChild(more ...contestants.Contender) {
	text, isChild := os.LookupEnv(orderVariable)
	if !isChild {
		return
	}
	contestants.Silence()
	if err := serve(text, more, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(text string, more []contestants.Contender, input io.Reader, output io.Writer) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	party, err := o.connect(more)
	if err != nil {
		return err
	}
	over, err := awaitStart(input, output)
	if err != nil {
		return err
	}
	result, err := Run(party, o.Load)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(output).Encode(result); err != nil {
		return err
	}
	<-over // the connections end with the process
	return nil
}

// connect makes the party, and has it lock once, so that its clients are
// connected and the server knows its scripts.
func (o *order) connect(more []contestants.Contender) (contestants.Party, error) {
	who, found := contestants.FindContender(o.Who, more...)
	if !found {
		return nil, fmt.Errorf("no contender is called %q", o.Who)
	}
	party, err := who.Connect(o.Addrs, o.Name)
	if err != nil {
		return nil, err
	}
	unlock, err := party.Lock(context.Background())
	if err != nil {
		return nil, err
	}
	return party, unlock()
}

var errNoParent = errors.New("the parent has gone")

// awaitStart returns at the parent's first line, and closes over at its second. From
// then on the end of the input ends the process.
func awaitStart(input io.Reader, output io.Writer) (over <-chan struct{}, err error) {
	if _, err := fmt.Fprintln(output, ready); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(input)
	if !lines.Scan() {
		return nil, errNoParent
	}
	second := make(chan struct{})
	go func() {
		if !lines.Scan() {
			os.Exit(1)
		}
		close(second)
	}()
	return second, nil
}
