package examples_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	redigolib "github.com/gomodule/redigo/redis"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// primitive is what an ACL line of docs/operations.md is for.
type primitive struct {
	user  string // that the line makes
	name  string // that the line allows
	use   func(name string, pool driver.Pool) error
	waits []take // what waits for another, after that one
}

var primitives = []primitive{
	{"holdfast", "invoice:42", useMutex, []take{lockMutex, lockMutex}},
	{"workers", "thumbnail:make", useSemaphore, []take{fillSemaphore, fillSemaphore}},
	{"readers", "catalog:spring", useRWMutex, []take{lockForWriting, lockForWriting, lockForReading, lockForWriting}},
}

// watcher may look at locks and writes nothing.
const watcher = "watcher"

// look shows all kinds of locks with a name, each held and waited for.
func look(name string, pool driver.Pool) error {
	in := inspect.New(pool)
	var errs []error
	for _, show := range []func(context.Context, string) (inspect.Status, error){in.Mutex, in.RWMutex, in.Semaphore} {
		status, err := show(context.Background(), name)
		if err == nil && (len(status.Holders) == 0 || len(status.Waiters) == 0) {
			err = fmt.Errorf("%s: %d holders and %d waiters are shown", status.Kind, len(status.Holders), len(status.Waiters))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// occupied is the name of locks of all kinds that are held and waited for, until the test ends.
func occupied(t *testing.T, node *redistest.Node) string {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: node.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	pool, name := goredis.NewPool(client), redistest.Name(t)
	ctx, cancel := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	t.Cleanup(func() { cancel(); waiting.Wait() })
	for range 2 {
		for _, lock := range []func() error{
			func() error {
				return mutex.New(pool).NewMutex(name, mutex.WithExpiry(time.Minute), mutex.WithUnlimitedTries()).LockContext(ctx)
			},
			func() error {
				rw := rwmutex.New(pool).NewRWMutex(name, rwmutex.WithExpiry(time.Minute), rwmutex.WithUnlimitedTries())
				return rw.LockContext(ctx)
			},
			func() error {
				s := semaphore.New(pool).NewSemaphore(name, 1, semaphore.WithExpiry(time.Minute), semaphore.WithUnlimitedTries())
				_, err := s.AcquireContext(ctx)
				return err
			},
		} {
			waiting.Go(func() { _ = lock() })
		}
	}
	require.Eventually(t, func() bool { return look(name, pool) == nil }, hangs, time.Millisecond)
	return name
}

func TestTheACLLineForLookingIsEnoughAndNeeded(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	name := occupied(t, node)
	line := primitive{user: watcher}.aclLine(t)
	setUser(t, node, line)
	for client, pool := range pools(t, node, line) {
		node.Do(t, "SCRIPT", "FLUSH")
		node.Do(t, "ACL", "LOG", "RESET")
		assert.NoError(t, look(name, pool), client)
		assert.Empty(t, denied(t, node, watcher), client)
		status, err := inspect.New(pool).Mutex(t.Context(), name)
		require.NoError(t, err)
		_, err = inspect.New(pool).Release(t.Context(), status.Holders[0])
		assert.Error(t, err, client)
		assert.NotEmpty(t, denied(t, node, watcher), client)
	}
	for i, word := range line {
		if !strings.HasPrefix(word, "+") {
			continue
		}
		setUser(t, node, append(append([]string(nil), line[:i]...), line[i+1:]...))
		for client, pool := range pools(t, node, line) {
			node.Do(t, "SCRIPT", "FLUSH")
			node.Do(t, "ACL", "LOG", "RESET")
			assert.Error(t, look(name, pool), "%s without %s", client, word)
			assert.Contains(t, denied(t, node, watcher), word[1:], client)
		}
	}
}

// forWakingOnly are the words that a line has so that waiters are notified. Without
// one they poll.
var forWakingOnly = []string{"&holdfast:*", "+publish", "+subscribe"}

// forGrantsOnly is the word without which waiters are notified, but not granted what they wait
// for.
const forGrantsOnly = "+pubsub|numsub"

// aclLine is the line of docs/operations.md, in words.
func (p primitive) aclLine(t *testing.T) []string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^ACL SETUSER ` + p.user + ` .*$`).FindString(page(t, "docs/operations.md"))
	require.NotEmpty(t, line, "docs/operations.md has no ACL line for %s", p.user)
	return strings.Fields(line)
}

// setUser runs the ACL line on the node.
func setUser(t *testing.T, node *redistest.Node, line []string) {
	t.Helper()
	require.Equal(t, "OK", node.Do(t, words(line)...))
}

// words converts a command for a client.
func words(line []string) []any {
	var all []any
	for _, word := range line {
		all = append(all, word)
	}
	return all
}

// credentials finds the user and the password in the ACL line.
func credentials(line []string) (user, password string) {
	for _, word := range line {
		if p, ok := strings.CutPrefix(word, ">"); ok {
			password = p
		}
	}
	return line[2], password
}

// pools connects to the node as the user of the ACL line, with either client.
func pools(t *testing.T, node *redistest.Node, line []string) map[string]driver.Pool {
	t.Helper()
	user, password := credentials(line)
	client := redis.NewClient(&redis.Options{Addr: node.Addr(), Username: user, Password: password})
	pool := &redigolib.Pool{Dial: func() (redigolib.Conn, error) {
		return redigolib.Dial("tcp", node.Addr(), redigolib.DialUsername(user), redigolib.DialPassword(password))
	}}
	t.Cleanup(func() { _ = client.Close(); _ = pool.Close() })
	return map[string]driver.Pool{"go-redis": goredis.NewPool(client), "redigo": redigo.NewPool(pool)}
}

// useMutex makes every call that a mutex has but for those that wait, and returns
// what went wrong.
func useMutex(name string, pool driver.Pool) error {
	m := mutex.New(pool).NewMutex(name)
	n := mutex.New(pool).NewMutex(name, mutex.WithSetNXOnExtend())
	err := m.TryLock()
	_, extended := m.Extend()
	_, valid := m.Valid()
	_, unlocked := m.Unlock()
	err = errors.Join(err, extended, valid, unlocked, n.TryLock())
	_, extended = n.Extend()
	_, unlocked = n.Unlock()
	return errors.Join(err, extended, unlocked, useFence(mutex.New(pool).NewMutex(name, mutex.WithFencing())))
}

// fenced is a lock whose holds are numbered.
type fenced interface {
	TryLock() error
	Extend() (bool, error)
	Unlock() (bool, error)
	Fence() int64
}

// useFence does the same with numbers.
func useFence(m fenced) error {
	err := m.TryLock()
	if err == nil && m.Fence() == 0 {
		err = errors.New("no fencing token")
	}
	_, extended := m.Extend()
	_, unlocked := m.Unlock()
	return errors.Join(err, extended, unlocked)
}

// useSemaphore does the same with a semaphore.
func useSemaphore(name string, pool driver.Pool) error {
	s := semaphore.New(pool).NewSemaphore(name, 3)
	first, err := s.TryAcquire()
	if err != nil {
		return err
	}
	second, err := s.TryAcquireN(context.Background(), 2)
	if err != nil {
		_, released := first.Release()
		return errors.Join(err, released)
	}
	_, extended := first.Extend()
	_, counted := s.Held(context.Background())
	_, released := first.Release()
	_, releasedToo := second.Release()
	return errors.Join(extended, counted, released, releasedToo)
}

// useRWMutex does the same with a read-write lock.
func useRWMutex(name string, pool driver.Pool) error {
	rw := rwmutex.New(pool).NewRWMutex(name)
	err := rw.TryLock()
	_, extended := rw.Extend()
	_, valid := rw.Valid()
	_, unlocked := rw.Unlock()
	err = errors.Join(err, extended, valid, unlocked, rw.TryLock(), rw.Downgrade(context.Background()))
	_, extended = rw.RExtend()
	_, unlocked = rw.RUnlock()
	err = errors.Join(err, extended, unlocked, rw.TryRLock())
	_, unlocked = rw.RUnlock()
	return errors.Join(err, unlocked, useFence(rwmutex.New(pool).NewRWMutex(name, rwmutex.WithFencing())))
}

// take takes something, in up to so many tries, and returns what gives it back.
type take func(name string, pool driver.Pool, tries int, delay func(tries int) time.Duration) (giveBack, error)

type giveBack func() (bool, error)

// hangs is when a wait is taken to last for ever.
const hangs = 30 * time.Second

func lockMutex(name string, pool driver.Pool, tries int, delay func(int) time.Duration) (giveBack, error) {
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	m := mutex.New(pool).NewMutex(name, mutex.WithTries(tries), mutex.WithRetryDelayFunc(delay))
	return m.Unlock, m.LockContext(ctx)
}

func fillSemaphore(name string, pool driver.Pool, tries int, delay func(int) time.Duration) (giveBack, error) {
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	s := semaphore.New(pool).NewSemaphore(name, 2, semaphore.WithTries(tries), semaphore.WithRetryDelayFunc(delay))
	permit, err := s.AcquireN(ctx, 2)
	if err != nil {
		return nil, err
	}
	return permit.Release, nil
}

func lockForWriting(name string, pool driver.Pool, tries int, delay func(int) time.Duration) (giveBack, error) {
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	rw := rwmutex.New(pool).NewRWMutex(name, rwmutex.WithTries(tries), rwmutex.WithRetryDelayFunc(delay))
	return rw.Unlock, rw.LockContext(ctx)
}

func lockForReading(name string, pool driver.Pool, tries int, delay func(int) time.Duration) (giveBack, error) {
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	rw := rwmutex.New(pool).NewRWMutex(name, rwmutex.WithTries(tries), rwmutex.WithRetryDelayFunc(delay))
	return rw.RUnlock, rw.RLockContext(ctx)
}

// contend lets each of the primitive's takes wait for the one before it, with a
// delay between tries, and returns what went wrong. A newcomer comes when it is
// free again.
func (p primitive) contend(name string, pool driver.Pool, delay time.Duration) error {
	for i := 1; i < len(p.waits); i++ {
		if err := contend(name, pool, p.waits[i-1], p.waits[i], delay); err != nil {
			return err
		}
	}
	if p.user == "holdfast" {
		return passOn(name, pool)
	}
	return nil
}

// passOn has two goroutines want one mutex, so that its lease may pass on, and another
// process wait for it.
func passOn(name string, pool driver.Pool) error {
	m := mutex.New(pool).NewMutex(name)
	err := m.Lock()
	others := make(chan error, 2)
	for _, other := range []*mutex.Mutex{m, mutex.New(pool).NewMutex(name)} {
		go func() {
			err := other.Lock()
			if err == nil {
				_, err = other.Unlock()
			}
			others <- err
		}()
	}
	time.Sleep(20 * time.Millisecond) // longer than a lease passes on without a request
	_, backErr := m.Unlock()
	return errors.Join(err, backErr, <-others, <-others)
}

func contend(name string, pool driver.Pool, first, second take, delay time.Duration) error {
	back, err := first(name, pool, 1, func(int) time.Duration { return 0 })
	if err != nil {
		return err
	}
	if err := giveUp(name, pool, second); err != nil {
		_, backErr := back()
		return errors.Join(err, backErr)
	}
	waits, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		backToo, err := second(name, pool, 100, delayed(delay, sync.OnceFunc(func() { close(waits) })))
		if err == nil {
			_, err = backToo()
		}
		ended <- err
	}()
	<-waits
	_, backErr := back()
	newcomer, err := second(name, pool, 100, delayed(delay, func() {})) // may find it free, and one that waits
	if err == nil {
		_, err = newcomer()
	}
	return errors.Join(backErr, err, <-ended)
}

// delayed returns a delay function for one that waits: short before the second
// try, and from then on, when the first was refused, as given.
func delayed(delay time.Duration, refused func()) func(int) time.Duration {
	return func(tries int) time.Duration {
		if tries < 2 {
			return time.Millisecond
		}
		refused()
		return delay
	}
}

// giveUp takes a ticket and gives it back. Being refused is no error.
func giveUp(name string, pool driver.Pool, other take) error {
	_, err := other(name, pool, 2, func(int) time.Duration { return time.Millisecond })
	var broken *mutex.RedisError
	if err == nil || errors.As(err, &broken) {
		return fmt.Errorf("not refused, but %w", cmp.Or(err, errors.New("granted")))
	}
	return nil
}

// denied lists what the node has denied the user since its log was emptied, but
// for what go-redis does without.
func denied(t *testing.T, node *redistest.Node, user string) (objects []string) {
	t.Helper()
	for _, entry := range node.Do(t, "ACL", "LOG").([]any) {
		fields := make(map[string]string)
		list := entry.([]any)
		for i := 0; i+1 < len(list); i += 2 {
			fields[asText(list[i])] = asText(list[i+1])
		}
		if object := fields["object"]; fields["username"] == user && object != "client|setinfo" && object != "client" {
			objects = append(objects, object)
		}
	}
	return objects
}

// asText is a word of a reply as text.
func asText(word any) string {
	if bytes, ok := word.([]byte); ok {
		return string(bytes)
	}
	return fmt.Sprint(word)
}

// refresh makes the node forget all but its users.
func refresh(t *testing.T, node *redistest.Node) {
	t.Helper()
	node.Do(t, "FLUSHALL")
	node.Do(t, "SCRIPT", "FLUSH")
	node.Do(t, "ACL", "LOG", "RESET")
}

// With a delay of an hour only a waiter that is notified gets it in time.
func TestTheACLLinesAreEnough(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	for _, p := range primitives {
		line := p.aclLine(t)
		setUser(t, node, line)
		for client, pool := range pools(t, node, line) {
			refresh(t, node)
			assert.NoError(t, p.use(p.name, pool), client)
			assert.NoError(t, p.contend(p.name, pool, time.Hour), client)
			assert.Empty(t, denied(t, node, p.user), "%s: %s", p.user, client)
			assert.ErrorContains(t, p.use("other", pool), "NOPERM", client)
		}
	}
}

// What the node denies is in its log, also where Holdfast does without.
func TestEveryWordOfTheACLLinesIsNeeded(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	for _, p := range primitives {
		line := p.aclLine(t)
		for _, word := range forWakingOnly {
			assert.Contains(t, line, word, p.user)
		}
		for i, word := range line {
			if !strings.HasPrefix(word, "+") && !strings.HasPrefix(word, "&") {
				continue
			}
			t.Run(p.user+" without "+word, func(t *testing.T) {
				setUser(t, node, append(append([]string(nil), line[:i]...), line[i+1:]...))
				for client, pool := range pools(t, node, line) {
					needed(t, node, p, client, pool, word)
				}
			})
		}
	}
}

// needed checks that a word is missed, and by which user: all calls go through without
// one that is for waking only.
func needed(t *testing.T, node *redistest.Node, p primitive, client string, pool driver.Pool, word string) {
	t.Helper()
	object := strings.TrimSuffix(word[1:], "*")
	missed := func(denied string) bool {
		return denied == object || word[0] == '&' && strings.HasPrefix(denied, object)
	}
	var err error
	require.Eventually(t, func() bool { // a subscription may come too late to be refused
		refresh(t, node)
		err = p.use(p.name, pool)
		if err == nil {
			err = p.contend(p.name, pool, 20*time.Millisecond)
		}
		return slices.ContainsFunc(denied(t, node, p.user), missed)
	}, hangs, time.Millisecond, client)
	if word == forGrantsOnly || slices.Contains(forWakingOnly, word) {
		require.NoError(t, err, client)
	}
}

func TestAClusterNeedsOneWordMore(t *testing.T) {
	addrs := redistest.StartCluster(t)
	require.Contains(t, page(t, "docs/operations.md"), `| a go-redis Cluster client | `+"`+cluster\\|slots`")
	for _, p := range primitives {
		line := p.aclLine(t)
		more := append(append([]string(nil), line...), "+cluster|slots")

		setUserOnAll(t, addrs, line)
		assert.Error(t, p.use(p.name, clusterPool(t, addrs, line)))
		setUserOnAll(t, addrs, more)
		pool := clusterPool(t, addrs, line)
		assert.NoError(t, p.use(p.name, pool))
		assert.NoError(t, p.contend(p.name, pool, time.Hour))
	}
}

// setUserOnAll runs the ACL line on every server.
func setUserOnAll(t *testing.T, addrs, line []string) {
	t.Helper()
	for _, addr := range addrs {
		conn, err := redigolib.Dial("tcp", addr)
		require.NoError(t, err)
		_, err = conn.Do(line[0], words(line[1:])...)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}

// clusterPool connects to the Cluster as the user of the ACL line.
func clusterPool(t *testing.T, addrs, line []string) driver.Pool {
	t.Helper()
	user, password := credentials(line)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, Username: user, Password: password})
	t.Cleanup(func() { _ = client.Close() })
	return goredis.NewPool(client)
}
