package redistest

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

// Proxy is a network between clients and a node that fails on request. It passes
// everything on while it has no fault. Faults add up, and last until they
// are ended one by one or all by Heal. Its methods are safe for concurrent use.
//
// TCP never loses the middle of a stream, and a client would take the next reply
// for the one that was lost. So a connection that lost something stays silent in
// that direction for as long as the fault lasts, and is closed at its end.
type Proxy struct {
	target string
	port   *loopback.Reservation
	report func(error) // gets the error of a fault that could not be caused or ended
	work   sync.WaitGroup
	counters
	distance distance
	dials    dials

	mu       sync.Mutex         // guards the rest
	listener net.Listener       // nil while connections are refused
	links    map[*link]struct{} // the connections there are
	faults   faults
	changed  chan struct{} // closed and replaced when faults.delay changes
	closed   bool
}

// faults is what is wrong with the network.
type faults struct {
	delay time.Duration
	drop  [2]bool // by direction
	one   int64   // of so many replies passes; 0 for every one
	cut   bool
	down  bool // the node behind is gone; no fault of the network, so it outlasts Heal
}

// direction is where a chunk is going.
type direction int

const (
	toServer direction = iota
	toClient
)

// NewProxy starts a proxy in front of a server outside of tests. close ends it. Later
// trouble is given to report.
func NewProxy(target string, report func(error)) (p *Proxy, close func(), err error) {
	if p, err = newProxy(target, report); err != nil {
		return nil, nil, err
	}
	return p, p.close, nil
}

// newProxy starts a proxy in front of target. Later trouble is given to report.
// On error nothing is left running.
func newProxy(target string, report func(error)) (*Proxy, error) {
	port, err := loopback.Reserve()
	if err != nil {
		return nil, fmt.Errorf("redistest: start a proxy: %w", err)
	}
	p := &Proxy{
		target:  target,
		port:    port,
		report:  report,
		links:   map[*link]struct{}{},
		changed: make(chan struct{}),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.listen(); err != nil {
		port.Release()
		return nil, err
	}
	return p, nil
}

// Addr is the proxy's address, host:port.
func (p *Proxy) Addr() string { return p.port.Addr() }

// Delay holds every chunk from server to client back for d, counted from its
// arrival; chunks keep their order and do not wait for each other's delay. It
// applies to those that are already held back too. 0 ends it.
func (p *Proxy) Delay(d time.Duration) {
	p.change(func(f *faults) { f.delay = d })
}

// DropReplies lets requests reach the server and makes every reply vanish, while
// it is on. Connections stay open and can be made. Off closes those that lost a
// reply.
func (p *Proxy) DropReplies(on bool) {
	p.change(func(f *faults) { f.drop[toClient] = on })
}

// DropRequests lets nothing reach the server, while it is on. Connections stay
// open and can be made. Off closes those that lost a request.
func (p *Proxy) DropRequests(on bool) {
	p.change(func(f *faults) { f.drop[toServer] = on })
}

// AnswerOneIn lets one of n replies pass and makes the others vanish, as DropReplies
// does, while n is above 1. Any other n ends it, and closes the connections that lost a
// reply.
func (p *Proxy) AnswerOneIn(n int) {
	p.change(func(f *faults) { f.one = int64(n) })
}

// Cut breaks every connection, and refuses new ones until Heal. What the server
// had been sent by then it still runs.
func (p *Proxy) Cut() {
	p.change(func(f *faults) { f.cut = true })
}

// Heal ends every fault. Connections that lost something are closed.
func (p *Proxy) Heal() {
	p.change(func(f *faults) { *f = faults{down: f.down} })
}

// setDown refuses connections while the node behind does.
func (p *Proxy) setDown(down bool) {
	p.change(func(f *faults) { f.down = down })
}

// close ends the proxy and waits for its goroutines. Its port is free again.
func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.apply()
	p.mu.Unlock()
	p.work.Wait()
	p.port.Release()
}

// change changes what is wrong and makes it so before it returns.
func (p *Proxy) change(edit func(*faults)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	edit(&p.faults)
	p.apply()
}

// apply makes listener and connections match the faults. The caller holds mu.
func (p *Proxy) apply() {
	close(p.changed)
	p.changed = make(chan struct{})
	for l := range p.links {
		if p.severs(l) {
			p.sever(l)
		}
	}
	if p.refuses() {
		p.unlisten()
	} else if err := p.listen(); err != nil {
		p.report(err)
	}
}

// refuses reports whether there are to be no new connections. The caller holds mu.
func (p *Proxy) refuses() bool { return p.closed || p.faults.cut || p.faults.down }

// severs reports whether l has to end: everything does, or it lost something in
// a direction that works again. The caller holds mu.
func (p *Proxy) severs(l *link) bool {
	return p.closed || p.faults.cut ||
		l.lost[toServer] && !p.faults.drop[toServer] ||
		l.lost[toClient] && !p.faults.drop[toClient] && p.faults.one <= 1
}

// sever breaks a connection. The caller holds mu.
func (p *Proxy) sever(l *link) {
	delete(p.links, l)
	l.abort()
	p.severed.Add(1)
}

// relisten is how long a listener that was just closed may keep its port: until the
// goroutine that accepts for it has noticed.
const relisten = 5 * time.Second

// listen accepts connections, if it does not already. The caller holds mu.
func (p *Proxy) listen() error {
	if p.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", p.Addr())
	for end := time.Now().Add(relisten); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		listener, err = net.Listen("tcp", p.Addr())
	}
	if err != nil {
		return fmt.Errorf("redistest: proxy for %s: %w", p.target, err)
	}
	p.listener = listener
	p.work.Go(func() { p.accept(listener) })
	return nil
}

// unlisten refuses connections from now on. The caller holds mu.
func (p *Proxy) unlisten() {
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
}

// accept takes connections until the listener is closed.
func (p *Proxy) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		p.admit(conn)
	}
}

// admit starts passing on what a new connection brings, unless the proxy has
// begun to refuse since it was accepted.
func (p *Proxy) admit(conn net.Conn) {
	l := newLink(p, conn)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses() {
		l.abort()
		return
	}
	p.accepted.Add(1)
	p.links[l] = struct{}{}
	p.work.Go(func() {
		l.run()
		p.forget(l)
	})
}

// forget ends a connection that ended by itself.
func (p *Proxy) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
	l.abort()
}

// judge decides whether a chunk on l may pass, and remembers that l lost it if
// not.
func (p *Proxy) judge(l *link, to direction) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.faults.drop[to] || to == toClient && p.drops() {
		l.lost[to] = true
	}
	p.counters.count(to, !l.lost[to])
	return !l.lost[to]
}

// drops reports that the next reply is not the one of several that passes. The caller
// holds mu.
func (p *Proxy) drops() bool {
	return p.faults.one > 1 && (p.passed[toClient].Load()+p.dropped[toClient].Load())%p.faults.one != 0
}

// delay returns how long replies are held back, and a channel that is closed
// when that changes.
func (p *Proxy) delay() (time.Duration, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults.delay, p.changed
}
