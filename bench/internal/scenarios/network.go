package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// Network says how much is measured of far nodes and crowds.
type Network struct {
	Rounds int           // of what is compared side by side
	Loop   time.Duration // of callers in loops, in each round
	Block  time.Duration // of the rates on loopback, in each round
	Hold   time.Duration // of bursts, renewed leases and waiters
	Crowd  float64       // the part of the large numbers that is used
}

// of is a part of a large number.
func (n Network) of(whole int) int { return max(1, int(n.Crowd*float64(whole))) }

// The bars of the network scenario.
const (
	maxFarCrowd    = 0.2  // of the time of plain SET NX, on far nodes
	maxFarLock     = 1.1  // a Lock, by SET NX
	maxFarConns    = 16   // to a node
	maxFarFirst    = 3    // round trips above the first PING of a new client
	maxFarAcquires = 6    // round trips of all
	maxFarRefused  = 0.01 // of tries
	minFarReached  = 0.99 // of the locks that reach the far node
	maxWaiterRate  = 200  // requests a second
	maxWaiterCPU   = 0.3  // of a core of the server
	minNearRate    = 2    // by bare commands, or by redsync
)

// NetworkNodes measures crowds, and nodes that are not on loopback.
func NetworkNodes(scale Scale) (*report.Section, error) {
	n := &network{Network: scale.Network, section: networkSection(scale.Network)}
	for _, step := range []func() error{
		n.freeLocks, n.loops, n.firstLocks, n.acquires, n.tries, n.bursts, n.waiters, n.renewals, n.rates,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return n.section, nil
}

func networkSection(scale Network) *report.Section {
	return &report.Section{
		Title: "Far nodes and crowds",
		Plot:  networkPlot,
		Text: fmt.Sprintf("Nodes lie behind a proxy that holds everything back for half of a round trip in each direction; "+
			"a connection costs a round trip, too. Pools have %d connections. Each figure is the median of %d rounds, in "+
			"which new clients take turns; plain is `SET NX` by the same client. Large numbers are taken %g times.",
			contestants.FarPool, scale.Rounds, scale.Crowd),
		Tables: []report.Captioned{{
			Caption: "What callers have to wait for:",
			Table:   report.Table{Columns: []string{"", "holdfast", "plain", "redsync", "redislock", "holdfast / plain"}},
		}, {
			Caption: "What else must hold:",
			Table:   report.Table{Columns: []string{"", "measured"}},
		}},
	}
}

// network is a run of the scenario.
type network struct {
	Network
	section *report.Section
}

// judge notes a figure and its verdict.
func (n *network) judge(what, bar, measured string, met bool) {
	n.section.Tables[1].Table.Add(what, measured)
	n.section.Verdicts = append(n.section.Verdicts, report.Verdict{Bar: what + ": " + bar, Measured: measured, Met: met})
}

// place is a number of nodes, with the links to them.
type place struct {
	nodes   []*nodes.Node
	proxies []*redistest.Proxy // nil on loopback
	sites   []contestants.Site
	ends    []func()
}

// far starts a node for each round trip; all on loopback if they are 0.
func far(trips ...time.Duration) (*place, error) {
	started, err := nodes.Start(len(trips))
	if err != nil {
		return nil, err
	}
	p := &place{nodes: started}
	for i, trip := range trips {
		if err := p.link(started[i].Addr(), trip); err != nil {
			p.end()
			return nil, err
		}
	}
	return p, nil
}

func (p *place) link(addr string, trip time.Duration) error {
	if trip == 0 {
		p.sites = append(p.sites, contestants.Site{Addr: addr})
		return nil
	}
	proxy, end, err := redistest.NewProxy(addr, func(err error) { panic(err) })
	if err != nil {
		return err
	}
	proxy.Far(redistest.Link{RoundTrip: trip})
	p.proxies, p.ends = append(p.proxies, proxy), append(p.ends, end)
	p.sites = append(p.sites, contestants.Site{Addr: proxy.Addr(), Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return proxy.DialContext(ctx, network, addr)
	}})
	return nil
}

// addrs lists the ways to the nodes.
func (p *place) addrs() (all []string) {
	for _, site := range p.sites {
		all = append(all, site.Addr)
	}
	return all
}

func (p *place) end() {
	for _, end := range p.ends {
		end()
	}
	nodes.StopAll(p.nodes)
}

// flush empties the nodes, and has them forget their scripts.
func (p *place) flush() error {
	var errs []error
	for _, node := range p.nodes {
		_, scripts := node.Do("SCRIPT", "FLUSH")
		errs = append(errs, node.Flush(), scripts)
	}
	return errors.Join(errs...)
}
