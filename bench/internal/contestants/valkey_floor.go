package contestants

import (
	"context"

	"github.com/valkey-io/valkey-go"
)

// valkeyFloor is the floor on valkey.
type valkeyFloor struct {
	closers
	clients []valkey.Client
	sha     string
}

func openValkeyFloor(addrs []string) (Session, error) {
	f := &valkeyFloor{}
	f.clients, f.closers = valkeyClients(addrs)
	for _, client := range f.clients {
		sha, err := client.Do(context.Background(), client.B().ScriptLoad().Script(compareAndDelete).Build()).ToString()
		if err != nil {
			return nil, f.closeWith(err)
		}
		f.sha = sha
	}
	return f, nil
}

func (f *valkeyFloor) Pair() error {
	for _, client := range f.clients {
		if err := f.set(client); err != nil {
			return err
		}
	}
	for _, client := range f.clients {
		if err := f.delete(client); err != nil {
			return err
		}
	}
	return nil
}

func (f *valkeyFloor) set(client valkey.Client) error {
	set := client.B().Set().Key(floorKey).Value(floorValue).Nx().PxMilliseconds(Expiry.Milliseconds()).Build()
	return client.Do(context.Background(), set).Error()
}

func (f *valkeyFloor) delete(client valkey.Client) error {
	del := client.B().Evalsha().Sha1(f.sha).Numkeys(1).Key(floorKey).Arg(floorValue).Build()
	deleted, err := client.Do(context.Background(), del).AsInt64()
	return checkFloor(deleted == 1, err)
}
