package fakenode

import (
	"slices"
	"time"
)

// RW is one read-write lock on a node.
type RW struct {
	Writer         Key
	Readers        map[any]time.Time // token -> end of its lease
	WaitingWriters Queue
	WaitingReaders Queue

	WritersPassReaders bool // wrong: a writer is let in beside readers
	ReadersPassWriters bool // wrong: readers are let in although a writer waits
	DropsOwn           bool // wrong: a token's own lease is taken away before it is looked at
}

// Clear is the loss of the lock's keys.
func (l *RW) Clear() {
	order := &arrivals{looks: make(map[any]int)}
	l.Writer, l.Readers = Key{}, make(map[any]time.Time)
	l.WaitingWriters, l.WaitingReaders = newQueue(order), newQueue(order)
}

// Reap removes what has ended.
func (l *RW) Reap() {
	reap(l.Readers)
	l.WaitingWriters.reap()
	l.WaitingReaders.reap()
	if !time.Now().Before(l.Writer.Ends) {
		l.Writer = Key{}
	}
}

// IsWritten reports that there is a writer.
func (l *RW) IsWritten() bool { return l.Writer.Token != "" }

// writes reports that the token is the writer.
func (l *RW) writes(token any) bool { return l.IsWritten() && l.Writer.Token == token }

func (l *RW) reads(token any) bool { return !l.Readers[token].IsZero() }

// isAwaited reports that a ticket has not ended.
func (l *RW) isAwaited() bool { return len(l.WaitingWriters.Tickets)+len(l.WaitingReaders.Tickets) > 0 }

// discard removes the leases of tokens, but for the call's own.
func (l *RW) discard(own any, tokens []any) {
	for _, token := range tokens {
		if token == own && !l.DropsOwn {
			continue
		}
		delete(l.Readers, token)
		if l.writes(token) {
			l.Writer = Key{}
		}
	}
}

// isOwn reports that a call's token is known to be unique: it is one that may be replaced.
func isOwn(token any, replaced []any) bool { return slices.Contains(replaced, token) }

// lease gives the token a lease, for longer than it had. The token is not the
// writer any more.
func (l *RW) lease(token, ms any) {
	if l.writes(token) {
		l.Writer = Key{}
	}
	l.Readers[token] = later(l.Readers[token], in(ms))
}

// lastEnd is when the last reader's lease ends.
func (l *RW) lastEnd() (ends time.Time) {
	for _, at := range l.Readers {
		ends = later(ends, at)
	}
	return ends
}

// releaseQuietly is a release of the writer without the keys of the queues.
func (l *RW) releaseQuietly(token any) int64 {
	l.Reap()
	reply := others(l.IsWritten())
	if l.writes(token) {
		l.Writer, reply = Key{}, 1
	}
	return reply
}

// others is the reply to a token that has nothing.
func others(there bool) int64 {
	if there {
		return 0
	}
	return -1
}
