package contestants

import (
	"context"

	"github.com/redis/rueidis"
)

// rueidisFloor is the floor on rueidis.
type rueidisFloor struct {
	closers
	clients []rueidis.Client
	sha     string
}

func openRueidisFloor(addrs []string) (Session, error) {
	f := &rueidisFloor{}
	f.clients, f.closers = rueidisClients(addrs)
	for _, client := range f.clients {
		sha, err := client.Do(context.Background(), client.B().ScriptLoad().Script(compareAndDelete).Build()).ToString()
		if err != nil {
			return nil, f.closeWith(err)
		}
		f.sha = sha
	}
	return f, nil
}

func (f *rueidisFloor) Pair() error {
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

func (f *rueidisFloor) set(client rueidis.Client) error {
	set := client.B().Set().Key(floorKey).Value(floorValue).Nx().PxMilliseconds(Expiry.Milliseconds()).Build()
	return client.Do(context.Background(), set).Error()
}

func (f *rueidisFloor) delete(client rueidis.Client) error {
	del := client.B().Evalsha().Sha1(f.sha).Numkeys(1).Key(floorKey).Arg(floorValue).Build()
	deleted, err := client.Do(context.Background(), del).AsInt64()
	return checkFloor(deleted == 1, err)
}
