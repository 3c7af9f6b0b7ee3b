package inspect

import (
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/scripts"
)

// kind is one of the primitives, as far as it can be looked at: its keys and scripts.
type kind struct {
	name    string
	isKey   bool     // the lock's name is the first key
	keys    []string // the kinds of the others: see keyslot.Aux
	show    *scripts.Script
	fence   int                      // the index of the counter's key, which a release does not get; -1 for none
	release map[Mode]*scripts.Script // by what the lease is for
}

var (
	mutexes = &kind{
		name: "mutex", isKey: true, show: scripts.Mutex().Inspect,
		keys:    []string{":mutex:fence", ":mutex:queue", ":mutex:awaited"},
		fence:   1,
		release: map[Mode]*scripts.Script{Exclusive: scripts.Mutex().Release},
	}
	rwmutexes = &kind{
		name: "rwmutex", show: scripts.RWMutex().Inspect,
		keys: []string{
			":rwmutex:writer", ":rwmutex:readers",
			":rwmutex:queue:write", ":rwmutex:queue:read", ":rwmutex:awaited", ":rwmutex:fence",
		},
		fence:   5,
		release: map[Mode]*scripts.Script{Write: scripts.RWMutex().WriteRelease, Read: scripts.RWMutex().ReadRelease},
	}
	semaphores = &kind{
		name: "semaphore", show: scripts.Semaphore().Inspect,
		keys:    []string{":permits:held", ":permits:queue"},
		fence:   -1,
		release: map[Mode]*scripts.Script{Permit: scripts.Semaphore().Release},
	}
	kinds = []*kind{mutexes, rwmutexes, semaphores}
)

// kindOf finds a kind by its name.
func kindOf(name string) *kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	return nil
}

// keysOf are the keys of the lock called name.
func (k *kind) keysOf(name string) []any {
	var keys []any
	if k.isKey {
		keys = append(keys, name)
	}
	for _, aux := range k.keys {
		keys = append(keys, keyslot.Aux(name, aux))
	}
	return keys
}

// showCall asks a node what it has of a lock.
func (k *kind) showCall(name string) driver.Call {
	return driver.NewCall(k.show, k.keysOf(name), int64(MaxShown))
}

// releaseCall frees a lease, and notifies those in line that it serves.
func (k *kind) releaseCall(h Holder) driver.Call {
	var keys []any
	for i, key := range k.keysOf(h.Name) {
		if i != k.fence {
			keys = append(keys, key)
		}
	}
	return driver.NewCall(k.release[h.Mode], keys, h.Value, "", int64(0))
}
