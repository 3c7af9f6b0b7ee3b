package fakenode

import (
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// rwCall is one run of a script of the read-write lock, after what has ended was removed.
type rwCall struct {
	*RW
	state *State
	keys  []any
	token any // or a ticket, of a withdrawal
	args  []any
}

var rwScripts = map[*scripts.Script]func(*rwCall) int64{
	scripts.RWMutex().WriteAcquire:  (*rwCall).writeAcquire,
	scripts.RWMutex().WriteExtend:   (*rwCall).writeExtend,
	scripts.RWMutex().WriteRelease:  (*rwCall).writeRelease,
	scripts.RWMutex().WriteCheck:    (*rwCall).writeCheck,
	scripts.RWMutex().WritePass:     (*rwCall).writePass,
	scripts.RWMutex().WriteWithdraw: (*rwCall).writeWithdraw,
	scripts.RWMutex().ReadWithdraw:  (*rwCall).readWithdraw,
	scripts.RWMutex().ReadAcquire:   (*rwCall).readAcquire,
	scripts.RWMutex().ReadExtend:    (*rwCall).readExtend,
	scripts.RWMutex().ReadRepair:    (*rwCall).readRepair,
	scripts.RWMutex().ReadRelease:   (*rwCall).readRelease,
	scripts.RWMutex().ReadCheck:     (*rwCall).readCheck,
	scripts.RWMutex().Downgrade:     (*rwCall).downgrade,
}

// runRW runs a script of the read-write lock.
func (s *State) runRW(call *driver.Call) any {
	c := &rwCall{s.RW(call.Keys()[0].(string)), s, call.Keys(), call.Args()[0], call.Args()}
	c.Reap()
	return rwScripts[call.Script()](c)
}

// firstWriter is that of rwmutex_prelude.lua.
func (c *rwCall) firstWriter(but any) (ticket any, came int) {
	q := c.WaitingWriters
	for _, ticket := range q.inOrder() {
		switch {
		case !q.has(ticket):
			delete(q.came, ticket)
		case ticket != but && !c.state.isAbsent(ticket.(string)):
			return ticket, q.came[ticket]
		}
	}
	return nil, 0
}

// notify is that of rwmutex_prelude.lua.
func (c *rwCall) notify(but any) {
	if c.IsWritten() {
		return
	}
	writer, since := c.firstWriter(but)
	messages := c.notifyReaders(but, func(came int) bool { return writer == nil || came <= since })
	if writer != nil && messages == nil && len(c.Readers) == 0 {
		messages = append(messages, c.grantWriter(writer))
	}
	c.state.Publish(messages...)
}

// notifyReaders are the messages to readers, and has all forgotten that have ended.
func (c *rwCall) notifyReaders(but any, inTime func(came int) bool) (messages []any) {
	q := c.WaitingReaders
	for _, ticket := range q.inOrder() {
		switch {
		case !inTime(q.came[ticket]):
		case !q.has(ticket):
			delete(q.came, ticket)
		case ticket != but && !c.state.isAbsent(ticket.(string)):
			messages = append(messages, c.grantReader(ticket))
		}
	}
	return messages
}

// grantReader and grantWriter are those of rwmutex_prelude.lua.
func (c *rwCall) grantReader(ticket any) (message any) {
	g := c.grantee(ticket)
	if g.message == "" || c.reads(g.token) {
		return ticket
	}
	c.Readers[g.token] = time.Now().Add(g.lifetime)
	c.WaitingReaders.dequeue(ticket)
	return g.message
}

func (c *rwCall) grantWriter(ticket any) (message any) {
	g := c.grantee(ticket)
	if g.message == "" {
		return ticket
	}
	c.Writer = Key{g.token, time.Now().Add(g.lifetime)}
	c.WaitingWriters.dequeue(ticket)
	return g.message
}

func (c *rwCall) grantee(ticket any) grant {
	return c.state.grantee(c.keys, ticket.(string), c.WaitingReaders.order.looks[ticket])
}

// readerMayPass reports whether a reader came before the first waiting writer.
func (c *rwCall) readerMayPass(ticket any) bool {
	if len(c.WaitingWriters.Tickets) == 0 || c.ReadersPassWriters {
		return true
	}
	if q := c.WaitingReaders; q.came[ticket] == 0 || !q.has(ticket) {
		return false
	}
	writer, since := c.firstWriter("")
	return writer == nil || c.WaitingReaders.came[ticket] < since
}

func (c *rwCall) writeAcquire() int64 {
	ticket, replaced := c.args[2], c.args[4:]
	c.discard(c.token, replaced)
	again := c.writes(c.token) && isOwn(c.token, replaced)
	if !again && !c.writerMayEnter(ticket) {
		c.WaitingWriters.Enqueue(ticket, c.args[3])
		return c.writerWaits(ticket)
	}
	c.Writer = Key{c.token.(string), in(c.args[1])}
	c.WaitingWriters.serve(ticket)
	return 1
}

func (c *rwCall) writerMayEnter(ticket any) bool {
	if c.IsWritten() || len(c.Readers) > 0 && !c.WritersPassReaders {
		return false
	}
	return ticket == "" || c.WaitingWriters.has(ticket) || !c.isAwaited()
}

// writerWaits is the reply to a writer that was refused.
func (c *rwCall) writerWaits(ticket any) int64 {
	switch {
	case ticket == "":
		return 0
	case c.IsWritten():
		return announced(c.Writer.Token, c.Writer.Ends)
	case len(c.Readers) > 0:
		return announcedUntil(c.lastEnd())
	}
	return 0
}

func (c *rwCall) writePass() int64 {
	reply := c.writeExtend()
	if reply == 1 && c.isAwaited() {
		return 2
	}
	return reply
}

func (c *rwCall) writeCheck() int64 {
	if c.writes(c.token) {
		return 1
	}
	return others(c.IsWritten() || len(c.Readers) > 0)
}

func (c *rwCall) writeExtend() int64 {
	reply := c.writeCheck()
	if reply == 1 {
		c.Writer.Ends = in(c.args[1])
	}
	return reply
}

func (c *rwCall) writeRelease() int64 {
	reply := c.writeCheck()
	ticket, lifetime := ticketOf(c.args)
	c.WaitingWriters.requeue(ticket, lifetime)
	if reply == 1 {
		c.Writer = Key{}
	}
	c.notify(ticket)
	return reply
}

func (c *rwCall) writeWithdraw() int64 { return c.withdraw(c.WaitingWriters) }

func (c *rwCall) readWithdraw() int64 { return c.withdraw(c.WaitingReaders) }

func (c *rwCall) withdraw(from Queue) int64 {
	had := from.dequeue(c.token)
	c.notify("")
	if !had {
		return -1
	}
	return 1
}

func (c *rwCall) readAcquire() int64 {
	ticket, replaced := c.args[2], c.args[4:]
	c.discard(c.token, replaced)
	if !c.IsWritten() && c.reads(c.token) && isOwn(c.token, replaced) {
		c.Readers[c.token] = in(c.args[1])
		c.WaitingReaders.serve(ticket)
		return 1
	}
	may := c.readerMayPass(ticket)
	if c.IsWritten() || !may || c.reads(c.token) {
		c.WaitingReaders.Enqueue(ticket, c.args[3])
		return c.readerWaits(ticket, may)
	}
	c.lease(c.token, c.args[1])
	c.WaitingReaders.serve(ticket)
	return 1
}

// readerWaits is the reply to a reader that was refused.
func (c *rwCall) readerWaits(ticket any, may bool) int64 {
	switch {
	case !c.IsWritten() && !may:
		return -2
	case c.IsWritten() && ticket != "":
		return announced(c.Writer.Token, c.Writer.Ends)
	}
	return 0
}

func (c *rwCall) readCheck() int64 {
	if c.reads(c.token) || c.writes(c.token) {
		return 1
	}
	return others(c.IsWritten())
}

func (c *rwCall) readExtend() int64 {
	reply := c.readCheck()
	if reply != 1 {
		return reply
	}
	c.lease(c.token, c.args[1])
	if len(c.WaitingWriters.Tickets) > 0 && !c.ReadersPassWriters {
		return 2
	}
	return 1
}

func (c *rwCall) readRepair() int64 {
	if c.IsWritten() && !c.writes(c.token) {
		return 0
	}
	c.lease(c.token, c.args[1])
	return 1
}

func (c *rwCall) readRelease() int64 {
	reply := c.readCheck()
	ticket, lifetime := ticketOf(c.args)
	c.WaitingReaders.requeue(ticket, lifetime)
	if lifetime == int64(0) { // it may have been a writer, of which a look was late
		c.WaitingWriters.dequeue(ticket)
	}
	if reply == 1 {
		c.discard(nil, []any{c.token})
	}
	if reply != 0 {
		c.notify(ticket)
	}
	return reply
}

// downgrade differs from readExtend where the writer is another one: a lease
// of the token, which there cannot be, would not help.
func (c *rwCall) downgrade() int64 {
	if c.IsWritten() && !c.writes(c.token) {
		return 0
	}
	reply := c.readExtend()
	if reply > 0 {
		c.notify("")
	}
	return reply
}
