package contestants

import (
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/mutex"
)

func holdfastOn(client poolsOf) func(addrs []string) *Locks {
	return func(addrs []string) *Locks { return holdfastLocks(client(addrs)) }
}

func holdfastLocks(pools []driver.Pool, closing closers) *Locks {
	factory := mutex.New(pools...)
	return &Locks{
		closers: closing,
		New: func(hold Hold) Mutex {
			return factory.NewMutex(hold.Name, holdfastOptions(hold)...)
		},
	}
}

func holdfastOptions(hold Hold) (options []mutex.Option) {
	if hold.Value != "" {
		options = append(options, mutex.WithValue(hold.Value))
	}
	if hold.Expiry != 0 {
		options = append(options, mutex.WithExpiry(hold.Expiry))
	}
	return options
}
