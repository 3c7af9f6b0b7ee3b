package contestants

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/holdfast-go/holdfast/mutex"
)

// Fenced is a mutex with fencing. Its name is the path of the file that it protects, which
// each section enters with its number: see resource.
func Fenced() Contender { return contender(Holdfast, GoRedis, "with fencing", fencedParty) }

func fencedParty(addrs []string, name string) (Party, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	pools, closing := goRedisHoldfast(addrs)
	m := mutex.New(pools...).NewMutex(name, mutex.WithUnlimitedTries(), mutex.WithFencing())
	unlock := confirmed(m.Unlock)
	return &party{closers: append(closing, file), lock: func(ctx context.Context) (func() error, error) {
		if err := m.LockContext(ctx); err != nil {
			return nil, err
		}
		return unlock, resource{file}.enter(m.Fence())
	}}, nil
}

// resource is a file with the last number that it was entered with. Processes share it
// at once, and it costs the lock's servers no request.
type resource struct{ file *os.File }

// enter refuses a number that is not larger than all before.
func (r resource) enter(fence int64) error {
	var last [8]byte
	if _, err := r.file.ReadAt(last[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if before := int64(binary.BigEndian.Uint64(last[:])); fence <= before {
		return fmt.Errorf("contestants: fence %d after %d", fence, before)
	}
	binary.BigEndian.PutUint64(last[:], uint64(fence))
	_, err := r.file.WriteAt(last[:], 0)
	return err
}
