package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/mutex"
)

// job says what one worker process needs.
type job struct {
	Redis  []string // addresses of the nodes that keep the lock
	Lock   string   // the lock's name
	Expiry time.Duration
	Takes  int  // from the account
	Paused bool // between reading and writing, the first time
}

// What a worker says to the program that started it, which has the account.
const (
	sayLocked    = "locked %d"   // and the hold's fencing token
	sayRead      = "read"        // is answered with the balance
	sayPaused    = "paused %v"   // and whether it still had the lock just before
	sayWrite     = "write %d %d" // balance and fencing token; is answered with answerStored or why not
	sayUnlocked  = "unlocked %t" // and whether the hold had lasted
	sayDone      = "done"        // it has what it came for
	answerGoOn   = "the pause is over"
	answerStored = "stored"
)

// Do takes from the account, as often as it is refused.
func (j job) Do(ctx context.Context, talk *crew.Talk) error {
	clients, closeAll := stage.Connect(j.Redis)
	defer closeAll()
	lock := newLock(j.Lock, clients, patient(j.Expiry)...)
	for stored := false; !stored; j.Paused = false {
		if err := lock.LockContext(ctx); err != nil {
			return err
		}
		var err error
		stored, err = j.take(talk, lock)
		lasted, _ := lock.Unlock()
		if err == nil {
			err = talk.Say(fmt.Sprintf(sayUnlocked, lasted))
		}
		if err != nil {
			return err
		}
	}
	return talk.Say(sayDone)
}

// take reads the balance and writes what is left of it, and reports whether the
// account has taken that.
func (j job) take(talk *crew.Talk, lock *mutex.Mutex) (stored bool, err error) {
	if err := talk.Say(fmt.Sprintf(sayLocked, lock.Fence())); err != nil {
		return false, err
	}
	balance, err := ask(talk, sayRead)
	if err != nil {
		return false, err
	}
	var left int
	if _, err := fmt.Sscan(balance, &left); err != nil {
		return false, err
	}
	left -= j.Takes
	if j.Paused {
		// A process that is stopped, swapped out or suspended right here does
		// nothing, as this one does until it is asked to go on.
		if _, err := ask(talk, fmt.Sprintf(sayPaused, time.Now().Before(lock.Until()))); err != nil {
			return false, err
		}
	}
	answer, err := ask(talk, fmt.Sprintf(sayWrite, left, lock.Fence()))
	return strings.HasPrefix(answer, answerStored), err
}

// ask says something and returns the answer.
func ask(talk *crew.Talk, line string) (string, error) {
	if err := talk.Say(line); err != nil {
		return "", err
	}
	return talk.ReadLine()
}
