package interop

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/go-redsync/redsync/v4"
	redsyncdriver "github.com/go-redsync/redsync/v4/redis"
	redsyncgoredis "github.com/go-redsync/redsync/v4/redis/goredis/v9"
	redsyncredigo "github.com/go-redsync/redsync/v4/redis/redigo"
	redsyncrueidis "github.com/go-redsync/redsync/v4/redis/rueidis"
	redigoclient "github.com/gomodule/redigo/redis"
	goredisclient "github.com/redis/go-redis/v9"
	rueidisclient "github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidiscompat"
	"github.com/stretchr/testify/require"
	valkeyclient "github.com/valkey-io/valkey-go"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/driver/rueidis"
	"github.com/holdfast-go/holdfast/driver/valkeygo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// lock is what the mutexes of both libraries can do.
type lock interface {
	Lock() error
	TryLock() error
	Unlock() (bool, error)
	Extend() (bool, error)
	Valid() (bool, error)
	Name() string
	Value() string
	Until() time.Time
}

var (
	_ lock = (*redsync.Mutex)(nil)
	_ lock = (*mutex.Mutex)(nil)
)

// settings are the options that the tests use. Zero means the default.
type settings struct {
	value  string
	expiry time.Duration
	tries  int
	delay  func(tries int) time.Duration
}

// brisk is the retry delay of a crowd: short, and random so that clients that
// have split the votes do not meet again.
func brisk(int) time.Duration { return time.Duration(1+rand.IntN(10)) * time.Millisecond }

// process stands for a process of an application: it has clients of its own.
type process interface {
	mutex(name string, s settings) lock
}

// library is a lock library on a client library.
type library struct {
	name  string
	start func(t *testing.T, nodes []*redistest.Node) process
}

// ours and theirs are the libraries to be mixed, on each client library.
func ours() []library {
	return []library{
		{"holdfast-goredis", holdfastOnGoRedis}, {"holdfast-redigo", holdfastOnRedigo},
		{"holdfast-rueidis", holdfastOnRueidis}, {"holdfast-valkeygo", holdfastOnValkeyGo},
	}
}

// Redsync's driver for valkey-go is not among them: the module proxy does not have the
// module valkey-go/valkeycompat, which it needs.
func theirs() []library {
	return []library{
		{"redsync-goredis", redsyncOnGoRedis}, {"redsync-redigo", redsyncOnRedigo}, {"redsync-rueidis", redsyncOnRueidis},
	}
}

// eachPair runs a test with each of our libraries beside each of theirs, both
// ways round, on 1, 3 and 5 nodes.
func eachPair(t *testing.T, test func(t *testing.T, nodes []*redistest.Node, first, second process)) {
	for _, n := range []int{1, 3, 5} {
		nodes := redistest.Start(t, n)
		for _, our := range ours() {
			for _, their := range theirs() {
				eachOrder(t, nodes, our, their, test)
			}
		}
	}
}

func eachOrder(t *testing.T, nodes []*redistest.Node, a, b library,
	test func(t *testing.T, nodes []*redistest.Node, first, second process),
) {
	for _, order := range [][2]library{{a, b}, {b, a}} {
		t.Run(caseName(len(nodes), order[0].name, order[1].name), func(t *testing.T) {
			test(t, nodes, order[0].start(t, nodes), order[1].start(t, nodes))
		})
	}
}

type redsyncProcess struct{ factory *redsync.Redsync }

func (p redsyncProcess) mutex(name string, s settings) lock {
	var options []redsync.Option
	if s.value != "" {
		options = append(options, redsync.WithValue(s.value))
	}
	if s.expiry != 0 {
		options = append(options, redsync.WithExpiry(s.expiry))
	}
	if s.tries != 0 {
		options = append(options, redsync.WithTries(s.tries))
	}
	if s.delay != nil {
		options = append(options, redsync.WithRetryDelayFunc(s.delay))
	}
	return p.factory.NewMutex(name, options...)
}

// holdfastProcess differs from redsyncProcess in the package's name only, as it
// should.
type holdfastProcess struct{ factory *mutex.Factory }

func (p holdfastProcess) mutex(name string, s settings) lock {
	var options []mutex.Option
	if s.value != "" {
		options = append(options, mutex.WithValue(s.value))
	}
	if s.expiry != 0 {
		options = append(options, mutex.WithExpiry(s.expiry))
	}
	if s.tries != 0 {
		options = append(options, mutex.WithTries(s.tries))
	}
	if s.delay != nil {
		options = append(options, mutex.WithRetryDelayFunc(s.delay))
	}
	return p.factory.NewMutex(name, options...)
}

func holdfastOnGoRedis(t *testing.T, nodes []*redistest.Node) process {
	var pools []driver.Pool
	for _, node := range nodes {
		pools = append(pools, goredis.NewPool(goRedisClient(t, node)))
	}
	return holdfastProcess{mutex.New(pools...)}
}

func holdfastOnRedigo(t *testing.T, nodes []*redistest.Node) process {
	var pools []driver.Pool
	for _, node := range nodes {
		pools = append(pools, redigo.NewPool(redigoPool(t, node)))
	}
	return holdfastProcess{mutex.New(pools...)}
}

func holdfastOnRueidis(t *testing.T, nodes []*redistest.Node) process {
	var pools []driver.Pool
	for _, node := range nodes {
		pools = append(pools, rueidis.NewPool(rueidisClient(t, node)))
	}
	return holdfastProcess{mutex.New(pools...)}
}

func holdfastOnValkeyGo(t *testing.T, nodes []*redistest.Node) process {
	var pools []driver.Pool
	for _, node := range nodes {
		client, _ := valkeyclient.NewClient(valkeyclient.ClientOption{InitAddress: []string{node.Addr()}, ForceSingleClient: true})
		t.Cleanup(client.Close)
		pools = append(pools, valkeygo.NewPool(client))
	}
	return holdfastProcess{mutex.New(pools...)}
}

func redsyncOnGoRedis(t *testing.T, nodes []*redistest.Node) process {
	var pools []redsyncdriver.Pool
	for _, node := range nodes {
		pools = append(pools, redsyncgoredis.NewPool(goRedisClient(t, node)))
	}
	return redsyncProcess{redsync.New(pools...)}
}

func redsyncOnRedigo(t *testing.T, nodes []*redistest.Node) process {
	var pools []redsyncdriver.Pool
	for _, node := range nodes {
		pools = append(pools, redsyncredigo.NewPool(redigoPool(t, node)))
	}
	return redsyncProcess{redsync.New(pools...)}
}

// redsyncOnRueidis has a client that connects when it is made, as ours: a node that is down
// makes one that only fails.
func redsyncOnRueidis(t *testing.T, nodes []*redistest.Node) process {
	var pools []redsyncdriver.Pool
	for _, node := range nodes {
		pools = append(pools, redsyncrueidis.NewPool(rueidiscompat.NewAdapter(rueidisClient(t, node))))
	}
	return redsyncProcess{redsync.New(pools...)}
}

func rueidisClient(t *testing.T, node *redistest.Node) rueidisclient.Client {
	client, _ := rueidisclient.NewClient(rueidisclient.ClientOption{InitAddress: []string{node.Addr()}, ForceSingleClient: true})
	t.Cleanup(client.Close)
	return client
}

// goRedisClient has short dial retries, for the tests with dead nodes.
func goRedisClient(t *testing.T, node *redistest.Node) *goredisclient.Client {
	client := goredisclient.NewClient(&goredisclient.Options{Addr: node.Addr(), DialerRetries: 1})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func redigoPool(t *testing.T, node *redistest.Node) *redigoclient.Pool {
	pool := &redigoclient.Pool{
		MaxIdle: 3,
		Dial:    func() (redigoclient.Conn, error) { return redigoclient.Dial("tcp", node.Addr()) },
	}
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}
