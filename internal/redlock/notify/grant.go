package notify

import (
	"strconv"
	"strings"
)

// Grant is what a release publishes that has given a waiter what it waits for.
type Grant struct {
	// Look is the number of the waiter's look that has left its ticket on the node.
	Look int
	// Detail says more of the lease: its fencing number, or its slots. It may be empty.
	Detail string
}

// parseGrant reads ID=LOOK or ID=LOOK:DETAIL. Ids may have the same signs in them.
func parseGrant(message string) (id string, g Grant, ok bool) {
	at := strings.LastIndexByte(message, '=')
	if at < 0 {
		return "", Grant{}, false
	}
	look, detail, _ := strings.Cut(message[at+1:], ":")
	n, err := strconv.Atoi(look)
	return message[:at], Grant{Look: n, Detail: detail}, err == nil
}

// grant notes what a node has granted the waiter, and wakes it as a notification does.
func (w *Waiter) grant(node int, g Grant) {
	w.mu.Lock()
	w.granted = &g
	unwanted := w.unwanted
	w.mu.Unlock()
	if unwanted != nil {
		unwanted()
		return
	}
	w.notify(node)
}

// Granted is what the waiter was granted since the last Reset.
func (w *Waiter) Granted() (g Grant, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.granted == nil {
		return Grant{}, false
	}
	return *w.granted, true
}

// Refuse has unwanted called with each grant from now on, as the waiter has gone. It must
// not wait.
func (w *Waiter) Refuse(unwanted func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unwanted = unwanted
}
