// Quickstart shows what a lock over Redis is for. It needs nothing but Go:
//
//	go run ./examples/quickstart
//
// Several processes add to one number in a file: each reads it, adds one and
// writes it back. They do it twice. Without a lock most additions are lost,
// because two processes read the same number. Under a Holdfast mutex none is,
// although one of the three Redis nodes that keep the lock is taken away in the
// middle.
//
// The nodes are small Redis servers embedded in this program. To use your own,
// which are then left alone:
//
//	go run ./examples/quickstart -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when nothing was lost under the lock, 1 when an addition
// was lost or something failed, and 2 when the arguments were wrong.
//
// This file has all that is about the lock. Package stage reads the command line and
// starts the nodes; package crew starts the processes and lets them begin together.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/mutex"
)

var program = stage.Program[job, *demo]{Name: "quickstart", Limit: 2 * time.Minute, New: newDemo}

// main runs the demonstration, which starts this program again for each job.
func main() { program.Main() }

// newMutex returns a mutex on the nodes with these addresses, of which a majority is
// enough. closeClients closes their clients, which Holdfast never does.
func newMutex(name string, addrs []string) (m *mutex.Mutex, closeClients func()) {
	var clients []*redis.Client
	var pools []driver.Pool
	for _, addr := range addrs {
		client := redis.NewClient(&redis.Options{Addr: addr})
		clients = append(clients, client)
		pools = append(pools, goredis.NewPool(client))
	}
	m = mutex.New(pools...).NewMutex(name, mutex.WithUnlimitedTries()) // wait until the context ends
	return m, func() {
		for _, client := range clients {
			_ = client.Close()
		}
	}
}

// job is what one process does.
type job struct {
	Counter counter  // the file to add to
	Adds    int      // how often
	Redis   []string // addresses of the nodes that keep the lock
	Lock    string   // the lock's name; without one the process adds unprotected
	Halfway int      // the number at which to pause while it holds the lock; 0 for never
}

// Do makes the job's additions, together with the other processes.
func (j job) Do(ctx context.Context, talk *crew.Talk) error {
	m, closeClients := newMutex(j.Lock, j.Redis)
	defer closeClients()
	addAlone := func(context.Context) error { return j.addOne(talk) }
	add := func(ctx context.Context) error { return m.Do(ctx, addAlone) } // lock, add, unlock
	if j.Lock == "" {
		add = addAlone
	}
	return talk.Join(func() error {
		for range j.Adds {
			if err := add(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// addOne makes one addition. The process that makes the one in the middle waits until it
// may go on.
func (j job) addOne(talk *crew.Talk) error {
	n, err := j.Counter.addOne()
	if err != nil || n != j.Halfway {
		return err
	}
	return talk.Pause()
}

// counter is the path of a file that holds one number. Nothing protects it.
type counter string

// addOne reads the number, waits, and writes the next one, which it returns. The wait
// makes the race wide: without a lock, most additions fall into another one's.
func (c counter) addOne() (int, error) {
	n, err := c.read()
	if err != nil {
		return 0, err
	}
	time.Sleep(2 * time.Millisecond)
	return n + 1, c.write(n + 1)
}

func (c counter) read() (int, error) {
	text, err := os.ReadFile(string(c))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// write writes a text of fixed width in one piece, so that another process reads the old
// number or the new one: additions get lost, and nothing else goes wrong.
func (c counter) write(n int) error {
	file, err := os.OpenFile(string(c), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(file, "%010d\n", n); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// demo is one run of the demonstration.
type demo struct {
	*stage.Stage
	dir string // where each count makes a folder for its file; "" is that of temporary files

	processes int
	adds      int                      // additions of each process
	lockName  func(process int) string // the same for all, but for a test that breaks the lock
}

// newDemo returns the demonstration with its usual size.
func newDemo(s *stage.Stage) *demo {
	lock := stage.LockName("quickstart")
	return &demo{Stage: s, processes: 5, adds: 40, lockName: func(int) string { return lock }}
}

// total is the number that has to be reached.
func (d *demo) total() int { return d.processes * d.adds }

// Run counts without the lock and with it. It returns an error when the lock lost an
// addition or something failed.
func (d *demo) Run(ctx context.Context) error {
	check, closeClients := newMutex(d.lockName(0), d.Nodes.Addrs)
	defer closeClients() // not before the end: the check's Unlock goes on in the background
	if err := d.CheckLock(ctx, check.TryLockContext, check.UnlockContext); err != nil {
		return err
	}
	d.Printf("Redis: %s", d.Nodes)
	d.Printf("%d processes add 1 to a number in a file, %d times each: read it, add, write it back.", d.processes, d.adds)
	d.Printf("")
	if err := d.withoutLock(ctx); err != nil {
		return fmt.Errorf("without the lock: %w", err)
	}
	if err := d.withLock(ctx); err != nil {
		return fmt.Errorf("with the lock: %w", err)
	}
	return nil
}

// withoutLock shows what goes wrong. To lose additions is no error here.
func (d *demo) withoutLock(ctx context.Context) error {
	count, err := d.count(ctx, func(int) job { return job{} }, nil)
	if err != nil {
		return err
	}
	d.Printf("Without the lock: the number is %d, and should be %d. %s", count, d.total(), lostText(d.total()-count))
	return nil
}

// withLock counts under the lock and takes a node away in the middle, if the nodes are
// ours to stop.
func (d *demo) withLock(ctx context.Context) error {
	halfway := 0
	if d.Nodes.Embedded() {
		halfway = d.total() / 2
	}
	var once sync.Once // a broken lock may have two processes there
	count, err := d.count(ctx,
		func(process int) job {
			return job{Redis: d.Nodes.Addrs, Lock: d.lockName(process), Halfway: halfway}
		},
		func(process int) {
			once.Do(func() {
				d.Printf("With the lock:    the number is %d, process %d holds the lock, and node %s is taken away.",
					halfway, process, d.Nodes.StopLast())
			})
		})
	if err != nil {
		return err
	}
	lost := d.total() - count
	d.Printf("With the lock:    the number is %d, and should be %d. %s", count, d.total(), lostText(lost))
	if lost != 0 {
		return fmt.Errorf("%d of %d additions were lost", lost, d.total())
	}
	d.conclude(halfway)
	return nil
}

// conclude says what the result rests on.
func (d *demo) conclude(halfway int) {
	d.Printf("")
	if halfway == 0 {
		d.Printf("No node was taken away: those given by -redis are not ours to stop.")
		return
	}
	d.Printf("%d additions were made before the node went and %d after: a lock needs only a majority of its nodes.",
		halfway, d.total()-halfway)
}

// count lets the processes add to a new file, and returns the number that they leave.
// newJob returns what differs between the two runs. atHalfway is called while a process
// pauses there.
func (d *demo) count(ctx context.Context, newJob func(process int) job, atHalfway func(process int)) (int, error) {
	dir, err := os.MkdirTemp(d.dir, "holdfast-quickstart-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := counter(filepath.Join(dir, "counter"))
	if err := file.write(0); err != nil {
		return 0, err
	}
	jobs := make([]job, d.processes)
	for i := range jobs {
		jobs[i] = newJob(i + 1)
		jobs[i].Counter, jobs[i].Adds = file, d.adds
	}
	if err := crew.TogetherPausing(ctx, jobs, d.Stderr, atHalfway); err != nil {
		return 0, err
	}
	return file.read()
}

func lostText(lost int) string {
	switch lost {
	case 0:
		return "Nothing was lost."
	case 1:
		return "1 addition was lost."
	default:
		return fmt.Sprintf("%d additions were lost.", lost)
	}
}
