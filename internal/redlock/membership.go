package redlock

import "github.com/holdfast-go/holdfast/internal/redlock/notify"

// membership is that of a waiter among those that the engine's notifier notifies.
type membership struct {
	notifier *notify.Notifier
	waiter   *notify.Waiter
	joined   bool
}

// joinLate has the waiter notified of what comes from now on.
func (m *membership) joinLate() {
	if !m.joined {
		m.joined = true
		m.notifier.JoinLate(m.waiter)
	}
}

// join has the waiter notified.
func (m *membership) join() {
	if !m.joined {
		m.joined = true
		m.notifier.Join(m.waiter)
	}
}

// leave has the waiter not be notified any more.
func (m *membership) leave() {
	if m.joined {
		m.joined = false
		m.notifier.Leave(m.waiter)
	}
}
