package redistest

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	// chunkSize is how much is read at once, in bytes.
	chunkSize = 32 << 10
	// maxHeld is how many chunks of one connection can be held back. More wait
	// in the server's socket.
	maxHeld = 1024
)

// link is one client's connection through a proxy, and its own to the server.
type link struct {
	proxy  *Proxy
	client net.Conn
	ctx    context.Context // ended by abort
	cancel context.CancelFunc
	lost   [2]bool // by direction; guarded by proxy.mu

	mu     sync.Mutex
	server net.Conn // nil until there is one; guarded by mu
}

// chunk is what one read brought, and when.
type chunk struct {
	data    []byte
	arrived time.Time
}

func newLink(p *Proxy, client net.Conn) *link {
	ctx, cancel := context.WithCancel(context.Background())
	return &link{proxy: p, client: client, ctx: ctx, cancel: cancel}
}

// run passes on what the two sides send until one of them is done or abort is
// called. It returns when nothing of it is left.
func (l *link) run() {
	server, err := new(net.Dialer).DialContext(l.ctx, "tcp", l.proxy.target)
	if err != nil || !l.attach(server) {
		return
	}
	held := make(chan chunk, maxHeld)
	var both sync.WaitGroup
	both.Go(func() { defer l.abort(); l.passRequests(server) })
	both.Go(func() { defer close(held); l.collectReplies(server, held) })
	both.Go(func() { defer l.abort(); l.passReplies(held) })
	both.Wait()
}

// attach makes server the other side. It returns false, and closes server, when
// abort was faster.
func (l *link) attach(server net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		_ = server.Close()
		return false
	}
	l.server = server
	return true
}

// abort breaks the connection at once: the client sees a reset. Towards the
// server it is an orderly end, so that it runs what it was sent.
func (l *link) abort() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	l.cancel()
	if tcp, ok := l.client.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = l.client.Close()
	if l.server != nil {
		_ = l.server.Close()
	}
}

// passRequests passes on what the client sends until it is done.
func (l *link) passRequests(server net.Conn) {
	buffer := make([]byte, chunkSize)
	for {
		n, err := l.client.Read(buffer)
		if n > 0 && l.proxy.judge(l, toServer) {
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// collectReplies notes what the server sends, and when, until it is done.
func (l *link) collectReplies(server net.Conn, held chan<- chunk) {
	for {
		buffer := make([]byte, chunkSize)
		n, err := server.Read(buffer)
		if n > 0 {
			select {
			case held <- chunk{buffer[:n], time.Now()}:
			case <-l.ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// passReplies passes on what was noted, each when its time has come.
func (l *link) passReplies(held <-chan chunk) {
	for c := range held {
		if !l.await(c.arrived) {
			return
		}
		if !l.proxy.judge(l, toClient) {
			continue
		}
		if _, err := l.client.Write(c.data); err != nil {
			return
		}
	}
}

// await waits until what arrived at that time may go on. It returns false when
// the link was aborted first.
func (l *link) await(arrived time.Time) bool {
	waited := false
	for l.ctx.Err() == nil {
		delay, changed := l.proxy.delay()
		left := time.Until(arrived.Add(delay))
		if delay == 0 || left <= 0 {
			return true
		}
		if !waited {
			waited = true
			l.proxy.delayed.Add(1)
		}
		l.sleep(left, changed)
	}
	return false
}

// sleep waits for d, at most until the delay changes or the link is aborted.
func (l *link) sleep(d time.Duration, changed <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-l.ctx.Done():
	}
}
