package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

const (
	smallLimit = 10
	largeLimit = 100_000

	// heldExpiry is that of the permits that half fill a semaphore.
	heldExpiry = 10 * time.Minute

	// heldAtOnce is how many of them one call takes.
	heldAtOnce = 1000
)

// Semaphore races acquire+release against the mutex's lock+unlock on 1, 3 and 5
// nodes, with a small and a large limit that are half held, and on five nodes
// with one of them hung.
func Semaphore(scale Scale) (*report.Section, error) {
	section := semaphoreSection()
	for _, n := range []int{1, 3, 5} {
		if err := semaphoreOn(section, scale, n); err != nil {
			return nil, fmt.Errorf("semaphore on %s: %w", nodeCount(n), err)
		}
	}
	return section, nil
}

func semaphoreSection() *report.Section {
	return &report.Section{
		Title: "Semaphore: acquire + release, uncontended",
		Text: "One goroutine acquires and releases one permit again and again, with go-redis. Half of each " +
			"semaphore's permits are held by others. A time is divided by that of the mutex's lock and unlock on " +
			"the same healthy nodes in the same round; given is the median over the rounds.",
		Tables: []report.Captioned{{
			Caption: "Time / the mutex's:",
			Table: report.Table{Columns: []string{"", "mutex",
				fmt.Sprintf("limit %d", smallLimit), fmt.Sprintf("limit %d", largeLimit), "large / small",
				fmt.Sprintf("limit %d, one hung", smallLimit)}},
		}},
	}
}

// pairs are the calls that are raced on one set of nodes.
type pairs struct {
	clients []*redis.Client
	lock    func() error
	small   func() error
	large   func() error
}

// newPairs half fills the semaphores.
func newPairs(addrs []string) (*pairs, error) {
	p := &pairs{}
	var pools []driver.Pool
	for _, addr := range addrs {
		client := redis.NewClient(&redis.Options{Addr: addr})
		p.clients = append(p.clients, client)
		pools = append(pools, goredis.NewPool(client))
	}
	m := mutex.New(pools...).NewMutex("mutex")
	p.lock = func() error {
		if err := m.Lock(); err != nil {
			return err
		}
		_, err := m.Unlock()
		return err
	}
	factory := semaphore.New(pools...)
	var errSmall, errLarge error
	p.small, errSmall = halfHeld(factory, "small", smallLimit)
	p.large, errLarge = halfHeld(factory, "large", largeLimit)
	if err := errors.Join(errSmall, errLarge); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func halfHeld(f *semaphore.Factory, name string, limit int) (pair func() error, err error) {
	holder := f.NewSemaphore(name, limit, semaphore.WithExpiry(heldExpiry))
	for left := limit / 2; left > 0; left -= heldAtOnce {
		if _, err := holder.AcquireN(context.Background(), min(left, heldAtOnce)); err != nil {
			return nil, err
		}
	}
	s := f.NewSemaphore(name, limit)
	return func() error {
		p, err := s.Acquire()
		if err != nil {
			return err
		}
		_, err = p.Release()
		return err
	}, nil
}

func (p *pairs) close() error {
	var err error
	for _, client := range p.clients {
		err = errors.Join(err, client.Close())
	}
	return err
}

func semaphoreOn(section *report.Section, scale Scale, n int) error {
	started, err := nodes.Start(n)
	if err != nil {
		return err
	}
	defer nodes.StopAll(started)
	p, err := newPairs(nodes.Addrs(started))
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()

	costs, err := measure.Race(scale.Race, []measure.Runner{
		{Name: "mutex", Op: p.lock}, {Name: "small semaphore", Op: p.small}, {Name: "large semaphore", Op: p.large},
	})
	if err != nil {
		return err
	}
	small, large := quotient(costs[1], costs[0]), quotient(costs[2], costs[0])
	growth := quotient(costs[2], costs[1])
	hung := "–"
	if n == quorumNodes {
		if hung, err = withOneHung(scale, p, started[0], costs); err != nil {
			return err
		}
	}
	section.Tables[0].Table.Add(nodeCount(n), "1", report.Ratio(small), report.Ratio(large), report.Ratio(growth), hung)
	if n == 1 {
		section.Verdicts = append(section.Verdicts, report.Verdict{
			Bar: "1 node: acquire + release ≤ 1.3 × the mutex", Measured: report.Ratio(small), Met: small <= 1.3,
		})
	}
	section.Verdicts = append(section.Verdicts, report.Verdict{
		Bar:      fmt.Sprintf("%s: limits of %d and %d, half held, ≤ 1.5 × apart", nodeCount(n), smallLimit, largeLimit),
		Measured: report.Ratio(growth), Met: growth <= 1.5,
	})
	return nil
}

// withOneHung races the small semaphore once more, beside a node that hangs.
func withOneHung(scale Scale, p *pairs, node *nodes.Node, healthy [][]measure.Cost) (string, error) {
	if err := node.Hang(); err != nil {
		return "", err
	}
	costs, err := measure.Race(scale.Race, []measure.Runner{{Name: "semaphore, one hung", Op: p.small}})
	if err := errors.Join(err, node.Resume()); err != nil {
		return "", err
	}
	return report.Ratio(quotient(costs[0], healthy[0])), nil
}

// quotient is the median over the rounds of what a cost in time beside b did.
func quotient(a, b []measure.Cost) float64 { return measure.Quotients(a, b).Wall }
