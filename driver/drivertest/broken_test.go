package drivertest_test

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/redigo"
)

func TestMain(m *testing.M) { drivertest.Main(m) }

// broken are drivers that break the contract in one way each.
var broken = map[string]func(whole) driver.Pool{
	"nothing": func(p whole) driver.Pool { return p },
	"retries": func(p whole) driver.Pool { return retrying{p} },
	"order":   func(p whole) driver.Pool { return disordered{p} },
	"hides":   func(p whole) driver.Pool { return hiding{p} },
	"late":    func(p whole) driver.Pool { return late{p} },
	"twice":   func(p whole) driver.Pool { return doubling{p} },
}

// goesRed are the cases that each of them fails.
var goesRed = map[string][]string{
	"nothing": nil,
	"retries": {"LostConnection", "LostReply", "Commands/LostConnection"},
	"order":   {"Batch/Replies"},
	"hides":   {"WrongType", "OutOfMemory", "AnswersAreFinal"},
	"late":    {"PausedServer", "HungFromTheStart"},
	"twice":   {"Subscriber/Order"},
}

// whole is the driver that is broken: redigo's, without the connections of its own, as
// breaking its pool would not break these.
type whole interface {
	driver.Pool
	driver.Batcher
	driver.Subscriber
}

// retrying sends a call again whose reply is lost.
type retrying struct{ whole }

func (p retrying) Eval(ctx context.Context, call *driver.Call) (any, error) {
	reply, err := p.whole.Eval(ctx, call)
	if err != nil && !driver.IsReply(err) {
		again, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return p.whole.Eval(again, call)
	}
	return reply, err
}

// disordered returns the replies of a batch as if they had come in another order.
type disordered struct{ whole }

func (p disordered) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	replies := p.whole.EvalBatch(ctx, calls)
	slices.Reverse(replies)
	return replies
}

// hiding takes an error of the server's for an empty reply.
type hiding struct{ whole }

func (p hiding) Eval(ctx context.Context, call *driver.Call) (any, error) {
	reply, err := p.whole.Eval(ctx, call)
	if driver.IsReply(err) {
		return nil, nil
	}
	return reply, err
}

// late waits for a reply for longer than it may.
type late struct{ whole }

func (p late) Eval(ctx context.Context, call *driver.Call) (any, error) {
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*brief)
	defer cancel()
	return p.whole.Eval(patient, call)
}

// doubling has every message arrive twice.
type doubling struct{ whole }

func (p doubling) Subscribe(ctx context.Context, channel string) (driver.Subscription, error) {
	sub, err := p.whole.Subscribe(ctx, channel)
	if err != nil {
		return nil, err
	}
	return &doubled{Subscription: sub}, nil
}

type doubled struct {
	driver.Subscription
	again *string
}

func (d *doubled) Receive() (string, error) {
	if d.again != nil {
		payload := *d.again
		d.again = nil
		return payload, nil
	}
	payload, err := d.Subscription.Receive()
	if err == nil {
		d.again = &payload
	}
	return payload, err
}

// brief is the patience of the suite with a broken driver.
const brief = 2 * time.Second

// envBroken names the driver that TestBroken runs the suite on.
const envBroken = "DRIVERTEST_BROKEN"

// TestBroken runs the suite on a broken driver, for TestSuiteGoesRed.
func TestBroken(t *testing.T) {
	spoil := broken[os.Getenv(envBroken)]
	if spoil == nil {
		t.Skip("only for TestSuiteGoesRed") // which runs it in a process of its own, as it is to fail
	}
	drivertest.SetPatience(brief)
	open := func(t testing.TB, addr string, opts drivertest.Options) (driver.Pool, func()) {
		pool := &redis.Pool{
			MaxIdle:   3,
			MaxActive: opts.MaxConns,
			Wait:      true,
			DialContext: func(ctx context.Context) (redis.Conn, error) {
				return redis.DialContext(ctx, "tcp", addr, redis.DialPassword(opts.Password))
			},
		}
		closeOnce := sync.OnceFunc(func() { _ = pool.Close() })
		t.Cleanup(closeOnce)
		return spoil(struct{ whole }{redigo.NewPool(pool).(whole)}), closeOnce
	}
	drivertest.Run(t, open)
	t.Run("Subscriber", func(t *testing.T) { drivertest.RunSubscriber(t, open, nil) })
}

// cases are those that TestSuiteGoesRed runs: what some driver fails, and some more.
const cases = "^TestBroken$/" +
	"^(Replies|WrongType|OutOfMemory|AnswersAreFinal|EndedContext|PausedServer|HungFromTheStart|LostReply|LostConnection|Commands|Batch|Subscriber)$/" +
	"^(LostConnection|Replies|Order|Payloads|Burst|READONLY.*|LOADING.*)?$"

var (
	failed  = regexp.MustCompile(`(?m)^ *--- FAIL: TestBroken/(\S+)`)
	skipped = regexp.MustCompile(`(?m)^ *--- SKIP: TestBroken/(\S+)`)
)

// names are the cases that a pattern finds in what a suite has said.
func names(pattern *regexp.Regexp, said []byte) (found []string) {
	for _, match := range pattern.FindAllSubmatch(said, -1) {
		found = append(found, string(match[1]))
	}
	return found
}

// A suite that cannot fail proves nothing: each broken driver fails the cases that are
// about its fault, and the whole one fails none.
func TestSuiteGoesRed(t *testing.T) {
	for name, want := range goesRed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite := exec.Command(os.Args[0], "-test.run", cases, "-test.v")
			suite.Env = append(os.Environ(), envBroken+"="+name)
			said, err := suite.CombinedOutput()
			if want == nil {
				require.NoError(t, err, "%s", said)
				require.Contains(t, string(said), "--- PASS: TestBroken/LostConnection")
				return
			}
			cannot := names(skipped, said) // these nodes
			want := slices.DeleteFunc(slices.Clone(want), func(name string) bool { return slices.Contains(cannot, name) })
			require.NotEmpty(t, want, "%s", said)
			require.Subset(t, names(failed, said), want, "%s", said)
		})
	}
}
