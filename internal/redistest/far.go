package redistest

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Link is how far away a node is: see [Proxy.Far]. The zero Link is loopback.
type Link struct {
	// RoundTrip is how long a chunk takes there and its answer back, half of it in
	// each direction.
	RoundTrip time.Duration
	// Jitter is how much longer a round trip takes at most. Each direction draws up
	// to half of it for each chunk: so chunks of one connection keep their order, and
	// those of several do not.
	Jitter time.Duration
	// Bandwidth is how many bytes a second pass in each direction, of all connections
	// together. 0 is without limit.
	Bandwidth int
}

// distance is the link of a proxy, and until when it is busy in each direction.
type distance struct {
	mu   sync.Mutex
	link Link
	busy [2]time.Time
}

func (d *distance) set(link Link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.link, d.busy = link, [2]time.Time{}
}

// due is when a chunk of so many bytes arrives that sets out now. Nothing waits for an
// answer, or for what other connections send, unless the bandwidth is used up.
func (d *distance) due(now time.Time, to direction, bytes int) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.link.Bandwidth > 0 {
		if d.busy[to].After(now) {
			now = d.busy[to]
		}
		now = now.Add(time.Duration(bytes) * time.Second / time.Duration(d.link.Bandwidth))
		d.busy[to] = now
	}
	way := d.link.RoundTrip / 2
	if d.link.Jitter > 1 {
		way += rand.N(d.link.Jitter / 2)
	}
	return now.Add(way)
}

func (d *distance) roundTrip() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.link.RoundTrip
}

// Far puts the node behind a link from now on. What is on its way arrives as it would
// have. Making a connection costs a round trip: a client that dials with DialContext
// waits for it there. Any other connects at once, and what it sends first is held back
// for as long. Heal does not end it, as it is no fault.
func (p *Proxy) Far(link Link) { p.distance.set(link) }

// DialContext connects to the proxy as to a server at the distance of its link: it is
// for a client's own dial function. Any address that is not the proxy's is dialled as
// it is.
func (p *Proxy) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	plain, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil || addr != p.Addr() {
		return plain, err
	}
	conn := p.dials.counted(plain)
	timer := time.NewTimer(p.distance.roundTrip())
	defer timer.Stop()
	select {
	case <-timer.C:
		return conn, nil
	case <-ctx.Done():
		_ = conn.Close()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: conn.RemoteAddr(), Err: ctx.Err()}
	}
}
