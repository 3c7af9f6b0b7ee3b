package scenarios

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// The kinds of calls that are measured under a fault. What a client knows and
// has open differs between them.
type kind string

const (
	firstEver  kind = "first call of new clients"               // made while the nodes are bad
	firstAfter kind = "first call of connected clients"         // made just after the nodes went bad
	steady     kind = "further calls, median (99th percentile)" // made while they stay bad
)

const (
	// slow is how long a call may take before its contestant is spared further
	// rounds in the same condition: nobody needs twenty calls of five seconds.
	slow = time.Second

	// firsts is how many times each operation is the first call of new clients,
	// in every round.
	firsts = 3

	// onsets is how many times each operation is the first call of connected
	// clients, in every round. Each time takes a fault of its own.
	onsets = 2

	// familiar is how many cycles of calls connected clients have behind them.
	familiar = 3

	// calm is how long the machine is given to get over a signal to a process,
	// in every condition, before a single call is timed.
	calm = 3 * time.Millisecond
)

// BadNodes measures every operation with some of five nodes hung or killed.
func BadNodes(scale Scale) (*report.Section, error) {
	started, err := nodes.Start(quorumNodes)
	if err != nil {
		return nil, err
	}
	defer nodes.StopAll(started)

	ward := &ward{scale: scale, nodes: started, records: make(map[subject]*record)}
	for round := range scale.FaultRounds {
		if err := ward.round(round); err != nil {
			return nil, err
		}
	}
	return ward.section(), nil
}

// ward keeps the nodes and all records.
type ward struct {
	scale   Scale
	nodes   []*nodes.Node
	names   int // how many lock names were used, so that each is new
	records map[subject]*record
}

// round takes every contestant through every condition. One contestant's
// conditions follow one another closely, since they are compared.
func (w *ward) round(turn int) error {
	quorums := contestants.Quorums()
	for _, i := range rand.Perm(len(quorums)) {
		for _, condition := range conditions() {
			visit := &visit{ward: w, q: quorums[i], condition: condition, turn: turn}
			if err := visit.run(); err != nil {
				return fmt.Errorf("%s, %s: %w", quorums[i].Name(), condition.name, err)
			}
		}
	}
	return nil
}

func (w *ward) newName() string {
	w.names++
	return "bench:bad-nodes:" + strconv.Itoa(w.names)
}

func (w *ward) add(s subject, c call) {
	if w.records[s] == nil {
		w.records[s] = &record{}
	}
	w.records[s].calls = append(w.records[s].calls, c)
}

// spared reports whether a contestant was too slow in a condition to be
// measured there again.
func (w *ward) spared(who, condition string) bool {
	for s, r := range w.records {
		if s.who == who && s.condition == condition && r.slow() {
			return true
		}
	}
	return false
}

// visit is one contestant in one condition in one round.
type visit struct {
	*ward
	q         contestants.Quorum
	condition condition
	turn      int
	opened    []*contestants.Locks // closed once the nodes are mended
}

func (v *visit) run() error {
	if v.spared(v.q.Name(), v.condition.name) {
		return nil
	}
	return errors.Join(v.whileBad(), v.justAfter(), v.close())
}

// whileBad measures clients that are made when the nodes are bad already.
func (v *visit) whileBad() error {
	well, err := v.condition.begin(v.nodes, v.turn)
	if err == nil {
		err = v.firstCalls(well)
		v.steadyCalls()
	}
	return errors.Join(err, v.condition.end(v.nodes, v.turn))
}

// firstCalls makes each operation the first call of new clients.
func (v *visit) firstCalls(well []*nodes.Node) error {
	for range firsts {
		for _, op := range operations() {
			m, err := v.ready(op, v.connect(), well)
			if err != nil {
				return err
			}
			v.note(firstEver, op, timed(op, m, v.scale.Patience))
		}
		if v.spared(v.q.Name(), v.condition.name) {
			return nil
		}
	}
	return nil
}

// justAfter measures clients that were connected and well when the nodes went
// bad.
func (v *visit) justAfter() error {
	if v.spared(v.q.Name(), v.condition.name) {
		return nil
	}
	for range onsets {
		for _, op := range operations() {
			if err := v.callJustAfter(op); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *visit) callJustAfter(op operation) error {
	locks := v.connect()
	if err := v.makeFamiliar(locks); err != nil {
		return err
	}
	m, err := v.ready(op, locks, v.nodes)
	if err != nil {
		return err
	}
	if _, err = v.condition.begin(v.nodes, v.turn); err == nil {
		time.Sleep(calm)
		v.note(firstAfter, op, timed(op, m, v.scale.Patience))
	}
	return errors.Join(err, v.condition.end(v.nodes, v.turn))
}

// makeFamiliar has clients make their connections, and servers learn their scripts. On a busy
// machine a call may have no answer in time: it begins anew then, a few times. Any other error
// is a fault.
func (v *visit) makeFamiliar(locks *contestants.Locks) (err error) {
	for range 3 {
		err = v.tryAll(locks)
		var timed interface{ Timeout() bool }
		if !errors.As(err, &timed) || !timed.Timeout() {
			break
		}
	}
	return err
}

func (v *visit) tryAll(locks *contestants.Locks) error {
	m := locks.New(contestants.Hold{Name: v.newName()})
	for range familiar {
		for _, op := range operations() {
			if err := op.run(m); err != nil {
				return fmt.Errorf("%s on healthy nodes: %w", op.name, err)
			}
		}
	}
	return nil
}

// ready returns a mutex whose next call can be op: for Lock one that is free,
// for all others one that adopts a hold, so that op needs no call before it.
func (v *visit) ready(op operation, locks *contestants.Locks, well []*nodes.Node) (contestants.Mutex, error) {
	name := v.newName()
	if op.name == "Lock" {
		return locks.New(contestants.Hold{Name: name}), nil
	}
	const value = "adopted"
	for _, node := range well {
		if _, err := node.Do("SET", name, value, "PX", contestants.Expiry.Milliseconds()); err != nil {
			return nil, err
		}
	}
	return locks.New(contestants.Hold{Name: name, Value: value}), nil
}

// steadyCalls repeats the operations with the same clients, at least once and
// until the block's time is up or a call did not return.
func (v *visit) steadyCalls() {
	m := v.connect().New(contestants.Hold{Name: v.newName()})
	for deadline := time.Now().Add(v.scale.FaultBlock); ; {
		for _, op := range operations() {
			c := timed(op, m, v.scale.Patience)
			v.note(steady, op, c)
			if c.hung {
				return // m is still in use by the call that was given up
			}
		}
		if time.Now().After(deadline) {
			return
		}
	}
}

func (v *visit) connect() *contestants.Locks {
	locks := v.q.Connect(nodes.Addrs(v.nodes))
	v.opened = append(v.opened, locks)
	return locks
}

func (v *visit) note(k kind, op operation, c call) {
	c.round = v.turn
	v.add(subject{who: v.q.Name(), condition: v.condition.name, kind: k, operation: op.name}, c)
}

func (v *visit) close() error {
	var err error
	for _, locks := range v.opened {
		err = errors.Join(err, locks.Close())
	}
	return err
}
