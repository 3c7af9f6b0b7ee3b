package redistest

import (
	"net"
	"sync"
)

// dials counts the connections that clients have open, from their side: a proxy sees the end
// of one later, and maybe only after the beginning of the next.
type dials struct {
	mu         sync.Mutex
	open, most int64
}

// MostDialled is how many connections made with DialContext were open at a time, at most.
func (p *Proxy) MostDialled() int64 {
	p.dials.mu.Lock()
	defer p.dials.mu.Unlock()
	return p.dials.most
}

// counted counts a connection as open until its client closes it.
func (d *dials) counted(conn net.Conn) net.Conn {
	d.add(1)
	return &dialled{conn.(*net.TCPConn), sync.OnceFunc(func() { d.add(-1) })}
}

func (d *dials) add(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open += n
	d.most = max(d.most, d.open)
}

// dialled is a client's end of a connection, with all that clients ask of one to a server.
type dialled struct {
	*net.TCPConn
	closed func()
}

func (d *dialled) Close() error {
	defer d.closed()
	return d.TCPConn.Close()
}
