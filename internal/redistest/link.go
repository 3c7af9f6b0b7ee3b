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
	// maxHeld is how many chunks of one connection can be held back in each
	// direction. More wait in the sender's socket.
	maxHeld = 1024
)

// link is one client's connection through a proxy, and its own to the server.
type link struct {
	proxy  *Proxy
	client net.Conn
	ctx    context.Context // ended by abort
	cancel context.CancelFunc
	opened time.Time // when the client has connected
	lost   [2]bool   // by direction; guarded by proxy.mu

	mu     sync.Mutex
	server net.Conn // nil until there is one; guarded by mu
}

// chunk is what one read brought, and when it is due at the other end.
type chunk struct {
	data []byte
	due  time.Time
}

func newLink(p *Proxy, client net.Conn) *link {
	ctx, cancel := context.WithCancel(context.Background())
	return &link{proxy: p, client: client, ctx: ctx, cancel: cancel, opened: time.Now()}
}

// run passes on what the two sides send until one of them is done or abort is
// called. It returns when nothing of it is left.
func (l *link) run() {
	server, err := new(net.Dialer).DialContext(l.ctx, "tcp", l.proxy.target)
	if err != nil || !l.attach(server) {
		return
	}
	requests, replies := make(chan chunk, maxHeld), make(chan chunk, maxHeld)
	var all sync.WaitGroup
	all.Go(func() { defer close(requests); l.collect(l.client, toServer, requests) })
	all.Go(func() { defer l.abort(); l.passRequests(server, requests) })
	all.Go(func() { defer close(replies); l.collect(server, toClient, replies) })
	all.Go(func() { defer l.abort(); l.passReplies(replies) })
	all.Wait()
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

// collect notes what one side sends, and when it is due, until that side is done.
func (l *link) collect(from net.Conn, to direction, held chan<- chunk) {
	for {
		buffer := make([]byte, chunkSize)
		n, err := from.Read(buffer)
		if n > 0 {
			select {
			case held <- chunk{buffer[:n], l.due(to, n)}:
			case <-l.ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// due is when a chunk that was just sent arrives. Until the client's connection is made
// it sends nothing.
func (l *link) due(to direction, bytes int) time.Time {
	sent := time.Now()
	if made := l.opened.Add(l.proxy.distance.roundTrip()); to == toServer && sent.Before(made) {
		sent = made
	}
	return l.proxy.distance.due(sent, to, bytes)
}

// passRequests passes on what was noted, each when it is due.
func (l *link) passRequests(server net.Conn, held <-chan chunk) {
	for c := range held {
		if left := time.Until(c.due); left > 0 {
			l.sleep(left, nil)
		}
		if l.ctx.Err() != nil {
			return
		}
		if !l.proxy.judge(l, toServer) {
			continue
		}
		if _, err := server.Write(c.data); err != nil {
			return
		}
	}
}

// passReplies passes on what was noted, each when its time has come.
func (l *link) passReplies(held <-chan chunk) {
	for c := range held {
		if !l.await(c.due) {
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

// await waits until a reply that is due at that time may go on, which a delay holds up.
// It returns false when the link was aborted first.
func (l *link) await(due time.Time) bool {
	waited := false
	for l.ctx.Err() == nil {
		delay, changed := l.proxy.delay()
		left := time.Until(due.Add(delay))
		if left <= 0 {
			return true
		}
		if !waited && delay > 0 {
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
