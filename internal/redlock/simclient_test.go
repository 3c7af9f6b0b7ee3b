package redlock

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
)

// simClient is a goroutine of one process. Those of a process share an object.
type simClient struct {
	name   string
	sim    *simulation
	random *rand.Rand

	lock  *Exclusive // of these three, one is set
	rw    *RW
	slots *Slots
}

// simThing is what a client got, with what it can do with it.
type simThing interface {
	Extend(context.Context) (bool, error)
	Until() time.Time
	Lost() <-chan struct{}
}

// live has the client come and go.
func (c *simClient) live() {
	for range simVisits {
		switch {
		case c.slots != nil:
			c.visitSlots()
		case c.rw != nil:
			c.visitRW()
		default:
			if c.enters(c.lock) {
				c.stayIn(c.lock, c.lock.Unlock, 'w')
			}
		}
		c.sleep(50 * ms)
	}
}

func (c *simClient) visitRW() {
	switch {
	case c.random.IntN(3) > 0:
		if c.enters(c.rw.Reader) {
			c.stayIn(c.rw.Reader, c.rw.Reader.Unlock, 'r')
		}
	case c.enters(c.rw.Writer):
		c.stayIn(c.rw.Writer, c.rw.Writer.Unlock, 'w')
	}
}

func (c *simClient) visitSlots() {
	n := 1 + c.random.IntN(min(2, c.sim.limit))
	var p *Permit
	c.call(func(ctx context.Context, try bool) (err error) {
		if try {
			p, err = c.slots.TryAcquire(ctx, n)
		} else {
			p, err = c.slots.Acquire(ctx, n)
		}
		return err
	})
	if p != nil {
		c.stayIn(p, p.Release, 'p')
	}
}

// enters locks, tries to, or gives up after a while.
func (c *simClient) enters(x half) bool {
	return c.call(func(ctx context.Context, try bool) error {
		if try {
			return x.TryLock(ctx)
		}
		return x.Lock(ctx)
	})
}

// call makes a call that tries once, waits, or has its ctx ended.
func (c *simClient) call(do func(ctx context.Context, try bool) error) bool {
	try := c.random.IntN(5) == 0
	if c.random.IntN(4) > 0 {
		return c.saw(do(background, try))
	}
	ctx, cancel := context.WithTimeout(background, upTo(c.random, c.sim.expiry/3))
	defer cancel()
	err := do(ctx, try)
	if err != nil && ctx.Err() != nil {
		c.sim.meet(faultCancelled)
	}
	return c.saw(err)
}

// saw reports that there was no error, and counts one of what was not sent.
func (c *simClient) saw(err error) bool {
	if errors.Is(err, outbox.ErrSilent) {
		c.sim.meet(faultUnsent)
	}
	return err == nil
}

func (c *simClient) sleep(most time.Duration) { time.Sleep(upTo(c.random, most)) }

// stayIn holds, extends, downgrades and gives back, or comes back too late.
func (c *simClient) stayIn(x simThing, unlock func(context.Context) (bool, error), kind byte) {
	var slots []int
	if p, ok := x.(*Permit); ok {
		slots = p.Slots()
	}
	h := c.sim.watch.begin(c.name, kind, slots, x)
	if e, ok := x.(*Exclusive); ok && c.sim.numbers {
		c.sim.watch.numbered(h, e.Fence())
	}
	if passedOn(x) {
		c.sim.meet(faultPassed)
	}
	if c.random.IntN(2) == 0 {
		c.sleep(maxTenure)
	} else {
		c.sleep(c.sim.expiry / 4)
	}
	if c.sim.renews && c.random.IntN(2) == 0 {
		c.sleep(3 * c.sim.expiry)
	}
	for c.random.IntN(3) == 0 {
		ok, err := x.Extend(background)
		if ok {
			c.sim.watch.extend(h, x)
		} else if kind != 'r' && !c.sim.renews { // nothing else extends it
			c.mustBeLost(x, err)
		}
		c.sleep(c.sim.expiry / 3)
	}
	if kind == 'w' && c.rw != nil && c.random.IntN(3) == 0 {
		c.sim.watch.become(h, 'r') // whatever comes of it
		if c.rw.Downgrade(background) == nil {
			c.sim.watch.extend(h, c.rw.Reader)
		}
		unlock = c.rw.Reader.Unlock
		c.sleep(c.sim.expiry / 3)
	}
	if c.random.IntN(8) == 0 || c.sim.hasty && c.random.IntN(2) == 0 {
		c.sleep(2 * c.sim.expiry)
		if !time.Now().Before(h.ends()) {
			c.sim.meet(faultOverslept)
		}
	}
	c.sim.watch.end(h)
	c.giveBack(unlock)
}

// passedOn reports that what a client has got was another one's of its process.
func passedOn(x simThing) bool {
	switch x := x.(type) {
	case *Exclusive:
		return x.current().passings > 0
	case *Permit:
		return x.passings > 0
	}
	return false
}

// mustBeLost checks that what an extension has failed of is known to be lost, if so
// many nodes have denied it that a majority cannot have it.
func (c *simClient) mustBeLost(x simThing, err error) {
	if denials(err) <= (len(c.sim.nodes)-1)/2 {
		return
	}
	time.Sleep(time.Nanosecond) // an answer may just have come
	select {
	case <-x.Lost():
		c.sim.watch.lost()
	default:
		c.sim.watch.silent("%s does not learn of its loss, although: %v", c.name, err)
	}
}

// denials counts the nodes that have nothing of a lease, by the error of its extension.
func denials(err error) (n int) {
	failed, _ := err.(*failure)
	if failed == nil {
		return 0
	}
	for _, cause := range failed.causes {
		switch cause := cause.(type) {
		case *ErrTaken:
			n += len(cause.Nodes)
		case *ErrNodeTaken, nodeExpired:
			n++
		}
	}
	return n
}

// giveBack releases, sometimes with a ctx that ends at once.
func (c *simClient) giveBack(unlock func(context.Context) (bool, error)) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	if c.random.IntN(6) == 0 {
		cancel()
		c.sim.meet(faultCancelled)
	}
	ok, err := unlock(ctx)
	if ok == (err != nil) {
		c.sim.watch.complain("%s: unlock is %v and %v", c.name, ok, err)
	}
}
