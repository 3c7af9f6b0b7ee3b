package redlock

import (
	"maps"
	"slices"
	"testing/synctest"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/scripts"
)

// The protocols of a read-write lock, of the tests' own.
var (
	rwKeys = []string{":w", ":r", ":i", ":o", ":a", ":l"}

	writeProtocol = &Protocol{
		Kind:     "test",
		Half:     "write",
		Acquire:  scripts.RWMutex().WriteAcquire,
		Extend:   scripts.RWMutex().WriteExtend,
		Release:  scripts.RWMutex().WriteRelease,
		Check:    scripts.RWMutex().WriteCheck,
		Pass:     scripts.RWMutex().WritePass,
		Withdraw: scripts.RWMutex().WriteWithdraw,
		AuxKeys:  rwKeys,
	}
	readProtocol = &Protocol{
		Kind:     "test",
		Half:     "read",
		Acquire:  scripts.RWMutex().ReadAcquire,
		Extend:   scripts.RWMutex().ReadExtend,
		Repair:   scripts.RWMutex().ReadRepair,
		Release:  scripts.RWMutex().ReadRelease,
		Check:    scripts.RWMutex().ReadCheck,
		Convert:  scripts.RWMutex().Downgrade,
		Withdraw: scripts.RWMutex().ReadWithdraw,
		AuxKeys:  rwKeys,
	}
)

// fakeRW is one read-write lock on a fake node. Its wrongs are for tests of the
// tests.
type fakeRW struct {
	writer  fakeKey
	readers map[any]time.Time // token -> end of its lease
	intents map[any]time.Time // a waiting writer's ticket -> its end
	waiters map[any]time.Time // a waiting reader's ticket -> its end
	writers map[any]int       // writers' tickets -> when they came
	line    map[any]int       // readers' tickets -> when they came
	came    int               // the last of them
	tell    func(...any)      // those whom a release wakes

	blind bool // a writer is let in beside readers
	rash  bool // a token's own hold is taken away before it is looked at
	deaf  bool // readers are let in although a writer waits
}

// rwScripts are what the scripts do. Each runs after what has ended was removed.
var rwScripts = map[*scripts.Script]func(l *fakeRW, token any, args []any) int64{
	scripts.RWMutex().WriteAcquire:  (*fakeRW).writeAcquire,
	scripts.RWMutex().WriteExtend:   (*fakeRW).writeExtend,
	scripts.RWMutex().WriteRelease:  (*fakeRW).writeRelease,
	scripts.RWMutex().WriteCheck:    (*fakeRW).writeCheck,
	scripts.RWMutex().WritePass:     (*fakeRW).writePass,
	scripts.RWMutex().WriteWithdraw: (*fakeRW).writeWithdraw,
	scripts.RWMutex().ReadWithdraw:  (*fakeRW).readWithdraw,
	scripts.RWMutex().ReadAcquire:   (*fakeRW).readAcquire,
	scripts.RWMutex().ReadExtend:    (*fakeRW).readExtend,
	scripts.RWMutex().ReadRepair:    (*fakeRW).readRepair,
	scripts.RWMutex().ReadRelease:   (*fakeRW).readRelease,
	scripts.RWMutex().ReadCheck:     (*fakeRW).readCheck,
	scripts.RWMutex().Downgrade:     (*fakeRW).downgrade,
}

// runRW runs a script of the read-write lock. f.mu is held.
func (f *fakeNode) runRW(call *driver.Call) any {
	args := call.Args()
	l := f.rwLock(call.Keys()[0].(string))
	l.reap()
	l.tell = f.publish
	return rwScripts[call.Script()](l, args[0], args[1:])
}

// rwLock is the lock whose writer has this key. f.mu is held.
func (f *fakeNode) rwLock(key string) *fakeRW {
	l := f.rw[key]
	if l == nil {
		l = new(fakeRW)
		l.clear()
		f.rw[key] = l
	}
	return l
}

func (l *fakeRW) clear() {
	l.writer = fakeKey{}
	l.readers, l.intents, l.waiters = make(map[any]time.Time), make(map[any]time.Time), make(map[any]time.Time)
	l.writers, l.line = make(map[any]int), make(map[any]int)
}

// reap removes what has ended.
func (l *fakeRW) reap() {
	now := time.Now()
	ended := func(_ any, ends time.Time) bool { return !now.Before(ends) }
	maps.DeleteFunc(l.readers, ended)
	maps.DeleteFunc(l.intents, ended)
	maps.DeleteFunc(l.waiters, ended)
	if ended(nil, l.writer.ends) {
		l.writer = fakeKey{}
	}
}

func (l *fakeRW) written() bool { return l.writer.token != "" }

// writes reports that the token is the writer.
func (l *fakeRW) writes(token any) bool { return l.written() && l.writer.token == token }

func (l *fakeRW) reads(token any) bool { return !l.readers[token].IsZero() }

// discard removes the holds of tokens, but for the call's own.
func (l *fakeRW) discard(own any, tokens []any) {
	for _, token := range tokens {
		if token == own && !l.rash {
			continue
		}
		delete(l.readers, token)
		if l.writes(token) {
			l.writer = fakeKey{}
		}
	}
}

// isOwn reports that a call's token is known to be unique: it is one that may be replaced.
func isOwn(token any, replaced []any) bool { return slices.Contains(replaced, token) }

// announce gives a place in line, for longer than it was.
func (l *fakeRW) announce(kind map[any]time.Time, came map[any]int, ticket, ms any) {
	if ticket == "" {
		return
	}
	kind[ticket] = later(kind[ticket], lifetime(ms))
	if came[ticket] == 0 {
		l.came++
		came[ticket] = l.came
	}
}

// inOrder lists tickets in the order in which they came.
func inOrderOf(came map[any]int) []any {
	return slices.SortedFunc(maps.Keys(came), func(a, b any) int { return came[a] - came[b] })
}

// firstWriter is that of rwmutex_prelude.lua.
func (l *fakeRW) firstWriter(but any) (ticket any, came int) {
	for _, ticket := range inOrderOf(l.writers) {
		switch {
		case l.intents[ticket].IsZero():
			delete(l.writers, ticket)
		case ticket != but:
			return ticket, l.writers[ticket]
		}
	}
	return nil, 0
}

// wake is that of rwmutex_prelude.lua.
func (l *fakeRW) wake(but any) {
	if l.written() {
		return
	}
	writer, since := l.firstWriter(but)
	var told []any
	for _, ticket := range inOrderOf(l.line) {
		switch {
		case writer != nil && l.line[ticket] > since:
		case l.waiters[ticket].IsZero():
			delete(l.line, ticket)
		case ticket != but:
			told = append(told, ticket)
		}
	}
	if writer != nil && told == nil && len(l.readers) == 0 {
		told = append(told, writer)
	}
	l.tell(told...)
}

// readerMayPass reports whether a reader came before the first waiting writer.
func (l *fakeRW) readerMayPass(ticket any) bool {
	if len(l.intents) == 0 {
		return true
	}
	if l.line[ticket] == 0 || l.waiters[ticket].IsZero() {
		return false
	}
	writer, since := l.firstWriter("")
	return writer == nil || l.line[ticket] < since
}

// lease gives the token a lease, for longer than it had. The token is not the
// writer any more.
func (l *fakeRW) lease(token, ms any) {
	if l.writes(token) {
		l.writer = fakeKey{}
	}
	l.readers[token] = later(l.readers[token], lifetime(ms))
}

// others is the reply to a token that has nothing.
func others(there bool) int64 {
	if there {
		return 0
	}
	return -1
}

func (l *fakeRW) writeAcquire(token any, args []any) int64 {
	l.discard(token, args[3:])
	if l.writes(token) && isOwn(token, args[3:]) {
		l.writer.ends = lifetime(args[0])
		delete(l.intents, args[1])
		return 1
	}
	may := args[1] == "" || !l.intents[args[1]].IsZero() || len(l.intents)+len(l.waiters) == 0
	if l.written() || len(l.readers) > 0 && !l.blind || !may {
		l.announce(l.intents, l.writers, args[1], args[2])
		switch {
		case args[1] == "":
		case l.written():
			return announced(l.writer.token, l.writer.ends)
		case len(l.readers) > 0:
			return announcedUntil(latestOf(l.readers))
		}
		return 0
	}
	l.writer = fakeKey{token.(string), lifetime(args[0])}
	delete(l.intents, args[1])
	return 1
}

func (l *fakeRW) writePass(token any, args []any) int64 {
	reply := l.writeExtend(token, args)
	if reply == 1 && len(l.intents)+len(l.waiters) > 0 {
		return 2
	}
	return reply
}

func (l *fakeRW) writeCheck(token any, _ []any) int64 {
	if l.writes(token) {
		return 1
	}
	return others(l.written() || len(l.readers) > 0)
}

func (l *fakeRW) writeExtend(token any, args []any) int64 {
	reply := l.writeCheck(token, nil)
	if reply == 1 {
		l.writer.ends = lifetime(args[0])
	}
	return reply
}

func (l *fakeRW) writeRelease(token any, args []any) int64 {
	reply := l.writeCheck(token, nil)
	l.announce(l.intents, l.writers, args[0], args[1])
	if reply == 1 {
		l.writer = fakeKey{}
	}
	if reply != 0 {
		l.wake(args[0])
	}
	return reply
}

// releaseQuietly is a release of the writer without the line's keys.
func (l *fakeRW) releaseQuietly(token any) int64 {
	l.reap()
	reply := others(l.written())
	if l.writes(token) {
		l.writer, reply = fakeKey{}, 1
	}
	return reply
}

func (l *fakeRW) writeWithdraw(ticket any, _ []any) int64 {
	return l.giveUp(l.intents, l.writers, ticket)
}

func (l *fakeRW) readWithdraw(ticket any, _ []any) int64 { return l.giveUp(l.waiters, l.line, ticket) }

func (l *fakeRW) giveUp(kind map[any]time.Time, came map[any]int, ticket any) int64 {
	had := !kind[ticket].IsZero()
	delete(kind, ticket)
	delete(came, ticket)
	l.wake("")
	if !had {
		return -1
	}
	return 1
}

func (l *fakeRW) readAcquire(token any, args []any) int64 {
	l.discard(token, args[3:])
	if !l.written() && l.reads(token) && isOwn(token, args[3:]) {
		l.readers[token] = lifetime(args[0])
		delete(l.waiters, args[1])
		return 1
	}
	may := l.readerMayPass(args[1]) || l.deaf
	if l.written() || !may || l.reads(token) {
		l.announce(l.waiters, l.line, args[1], args[2])
		if !l.written() && !may {
			return -2
		}
		if args[1] != "" && l.written() {
			return announced(l.writer.token, l.writer.ends)
		}
		return 0
	}
	l.lease(token, args[0])
	delete(l.waiters, args[1])
	return 1
}

func (l *fakeRW) readCheck(token any, _ []any) int64 {
	if l.reads(token) || l.writes(token) {
		return 1
	}
	return others(l.written())
}

func (l *fakeRW) readExtend(token any, args []any) int64 {
	reply := l.readCheck(token, nil)
	if reply != 1 {
		return reply
	}
	l.lease(token, args[0])
	if len(l.intents) > 0 && !l.deaf {
		return 2
	}
	return 1
}

func (l *fakeRW) readRepair(token any, args []any) int64 {
	if l.written() && !l.writes(token) {
		return 0
	}
	l.lease(token, args[0])
	return 1
}

func (l *fakeRW) readRelease(token any, args []any) int64 {
	reply := l.readCheck(token, nil)
	l.announce(l.waiters, l.line, args[0], args[1])
	if reply == 1 {
		l.discard(nil, []any{token})
	}
	if reply != 0 {
		l.wake(args[0])
	}
	return reply
}

// downgrade differs from readExtend where the writer is somebody else: a lease
// of the token, which there can not be, would not help.
func (l *fakeRW) downgrade(token any, args []any) int64 {
	if l.written() && !l.writes(token) {
		return 0
	}
	reply := l.readExtend(token, args)
	if reply > 0 {
		l.wake("")
	}
	return reply
}

// lock is what the node has of the lock, at once.
func (f *fakeNode) lock() (writer string, readers, intents int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.rwLock(rwName)
	l.reap()
	return l.writer.token, len(l.readers), len(l.intents)
}

// rwName is the key of the writer in tests.
var rwName = keyslot.Aux("name", rwKeys[0])

// wrong makes the lock on every node wrong.
func (b *bench) wrong(change func(l *fakeRW)) {
	for _, n := range b.nodes {
		n.set(func() { change(n.rwLock(rwName)) })
	}
}

// writers are the nodes' write tokens, once everything has settled.
func (b *bench) writers() []string {
	synctest.Wait()
	var tokens []string
	for _, n := range b.nodes {
		writer, _, _ := n.lock()
		tokens = append(tokens, writer)
	}
	return tokens
}

// leases count the nodes' readers, and tickets their intents, once everything has
// settled.
func (b *bench) leases() (leases []int) {
	synctest.Wait()
	for _, n := range b.nodes {
		_, readers, _ := n.lock()
		leases = append(leases, readers)
	}
	return leases
}

func (b *bench) tickets() (tickets []int) {
	synctest.Wait()
	for _, n := range b.nodes {
		_, _, intents := n.lock()
		tickets = append(tickets, intents)
	}
	return tickets
}

func latestOf(leases map[any]time.Time) (ends time.Time) {
	for _, at := range leases {
		ends = later(ends, at)
	}
	return ends
}
