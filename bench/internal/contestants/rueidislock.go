package contestants

import (
	"context"
	"time"

	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"
)

// rueidislockSession uses one server: the library spreads a lock over several
// keys, not over several independent servers.
type rueidislockSession struct {
	locker rueidislock.Locker
}

// tryNextAfter replaces the library's 20 ms for a request, which a busy machine
// exceeds now and then. The client then gives up a lock that it did get, deletes
// it, and, as NoLoopTracking spares it news of its own deletions, waits for ever.
const tryNextAfter = time.Second

// openRueidislock opens a session whose locks need majority of 2*majority-1
// keys.
func openRueidislock(majority int32) func(addrs []string) (Session, error) {
	return func(addrs []string) (Session, error) {
		locker, err := newRueidislock(addrs, majority)
		if err != nil {
			return nil, err
		}
		return &rueidislockSession{locker: locker}, nil
	}
}

// newRueidislock makes a locker. NoLoopTracking is what the library advises for
// servers from 7.0.5 on.
func newRueidislock(addrs []string, majority int32) (rueidislock.Locker, error) {
	return rueidislock.NewLocker(rueidislock.LockerOption{
		ClientOption:   rueidis.ClientOption{InitAddress: addrs[:1]},
		KeyMajority:    majority,
		KeyValidity:    Expiry,
		TryNextAfter:   tryNextAfter,
		NoLoopTracking: true,
	})
}

// Pair ends with the cancel function, which returns once the keys are deleted.
func (s *rueidislockSession) Pair() error {
	_, cancel, err := s.locker.WithContext(context.Background(), "bench")
	if err != nil {
		return err
	}
	cancel()
	return nil
}

func (s *rueidislockSession) Close() error {
	s.locker.Close()
	return nil
}
