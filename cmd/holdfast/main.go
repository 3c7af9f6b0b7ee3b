// Command holdfast runs a command under a lock, shows who holds a lock and who waits for
// it, and frees one that is stuck.
//
//	holdfast run -mutex nightly -- ./backup.sh
//	holdfast show nightly
//	holdfast release nightly -value 01990b3e-…
//	holdfast ls 'night*'
//
// Redis is named by -redis or HOLDFAST_REDIS: a URL as go-redis parses it, or several with
// commas between, for a majority of independent servers. @ and the path of a file stand for
// the URLs in it, one per line. A URL with addr=… in its query is a Cluster, and one with
// master_name=… a Sentinel group. Its user and password are the sentinels' then, and
// username=… and password=… in the query are the servers'. Arguments of a process can be seen by others on the
// machine: give passwords by HOLDFAST_REDIS or by a file. holdfast prints none.
//
// # run
//
// The lock is renewed while the command runs, and released when it ends. The command finds
// HOLDFAST_NAME and HOLDFAST_VALUE in its environment, HOLDFAST_FENCE with -fence, and
// HOLDFAST_SLOTS with -semaphore. The value is the lease's: holdfast show lists it, and
// holdfast release frees it. The exit status is the command's, 128 and the signal's number
// where one killed it, and
//
//	64   the arguments were wrong
//	75   the lock was not acquired in time, or Redis was out of reach
//	76   the lock was lost: another process may have run beside the command
//	126  the command cannot be run, and 127 where it is not found
//
// Signals that holdfast gets go to the command and to all of its process group. Where the
// standard input is a terminal the command stays in the terminal's foreground group
// instead, and gets what is typed there from the terminal itself. A signal that holdfast was
// started to ignore, as nohup does with SIGHUP, is ignored by both. Ctrl-Z stops both, and
// nothing renews the lock until they go on.
//
// When the lock is lost the command's group gets SIGTERM at once. What is left of it gets
// SIGKILL after -grace: half a second by default. In the foreground group of a terminal only
// the command itself does. holdfast knows of a loss
//
//   - by the next renewal, where another process freed the lease or a server forgot it.
//     They come after a third of -expiry, so every 3.3 seconds by default.
//   - when the validity ends, where no majority of the servers answers: that is just
//     before -expiry has passed since the last renewal.
//
// Until the command ends another process may have the lock already. A smaller -expiry and
// -grace make that time shorter, and a resource that checks fencing tokens (-fence) makes it
// harmless. On Windows a lost lock kills the command at once, as there is no SIGTERM.
//
// When holdfast itself is killed by SIGKILL, nothing renews the lock, and it ends by its
// expiry. On Linux the kernel then kills the command at once (PR_SET_PDEATHSIG), though not
// what that has started: begin a shell's last command with exec. Other systems have nothing
// like it. There the command runs on, and the resource has to check its fencing token.
//
// # show
//
// Three jobs want one mutex:
//
//	$ holdfast show nightly
//	mutex nightly: 1 held, 2 waiting, 1 of 1 nodes answered, fence 1795869067562995
//	  HOLDER          MODE       SLOTS  SINCE     REMAINING  NODES  VALUE
//	  cron-7f9c/4211  exclusive  -      12:31:07  8s         0      01a22223-4929-7e16-ae5c-2e2e39530f52@cron-7f9c/4211
//	  WAITER          MODE       COUNT  SINCE                NODES  TICKET
//	  cron-7f9c/4230  exclusive  1      12:31:08             0      holdfast:n8PRPoBIvYoRjMCyJLXyuQ|2|8000|01a22223-4d4a-7336-9870-0eb1927d3fa4@cron-7f9c/4230
//	  cron-7f9c/4244  exclusive  1      12:31:08             0      holdfast:8fz2vCAqysOI1x2XEQNUsg|2|8000|01a22223-4e21-7683-97f5-c040a0fd9f89@cron-7f9c/4244
//
// With -watch the table is printed again and again until a signal comes. At a terminal it
// stays in place, cut to what the terminal shows. The latest changes are below it: + for a
// holder, a waiter or an error that has come, - for one that has gone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/cmd/holdfast/internal/redisurl"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
)

// Exit statuses of our own, as in sysexits.h where it has one.
const (
	statusUsage    = 64
	statusFailed   = 1
	statusUnlocked = 75
	statusLost     = 76
	statusCannot   = 126
	statusNotFound = 127
)

const help = `holdfast runs commands under locks in Redis, and shows who holds a lock.

  holdfast run -mutex NAME | -write NAME | -read NAME | -semaphore NAME -limit K [-n N]
               [flags] -- command args…
      -wait 30s     how long to wait for the lock; 0 tries once, below 0 waits without end
      -expiry 10s   how long the lock outlives a holdfast that has crashed
      -grace 500ms  between SIGTERM and SIGKILL when the lock is lost
      -owner TEXT   who holds it, for show; by default host/process
      -fence        number the holders (mutex, write): HOLDFAST_FENCE
  holdfast show NAME [-json] [-watch [-every 1s]]
      who holds the locks of this name, and who waits
  holdfast release NAME -value VALUE [-yes]
      free a lease of any process; asks before it does
  holdfast ls PATTERN
      locks whose name matches, as Redis's SCAN does

All take -redis URL,URL… or -redis @FILE; by default HOLDFAST_REDIS. A URL is
redis://user:password@host:port/db, rediss://… or unix://…; with ?addr=… a Cluster, with
?master_name=… a Sentinel group. Several URLs are independent servers: a majority decides.

run's status is the command's; 75: not locked in time; 76: the lock was lost; 64: usage.
`

// program is one run of holdfast, apart from the process that it runs in.
type program struct {
	stdin          *os.File
	stdout, stderr io.Writer
	env            func(string) string
	screen         func() size // of stdout; nil where that is no terminal
}

func main() {
	redis.SetLogger(silence{}) // it would print between the lines of a table
	p := program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv}
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		p.screen = func() size { return sizeOf(os.Stdout) }
	}
	os.Exit(p.execute(context.Background(), os.Args[1:]))
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// usageError is an error of the arguments.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// execute runs a subcommand, and returns the exit status.
func (p *program) execute(ctx context.Context, args []string) int {
	subcommands := map[string]func(context.Context, []string) (int, error){
		"run": p.run, "show": p.show, "release": p.release, "ls": p.list,
	}
	if len(args) == 0 {
		fmt.Fprint(p.stderr, help)
		return statusUsage
	}
	subcommand, ok := subcommands[args[0]]
	switch {
	case args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help":
		fmt.Fprint(p.stdout, help)
		return 0
	case !ok:
		fmt.Fprintf(p.stderr, "holdfast: no command %q: run, show, release, ls and help are there\n", args[0])
		return statusUsage
	}
	status, err := subcommand(ctx, args[1:])
	var usage usageError
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(p.stdout, help)
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(p.stderr, "holdfast %s: %s (holdfast help says more)\n", args[0], lines(err))
		return statusUsage
	case err != nil:
		fmt.Fprintf(p.stderr, "holdfast %s: %s%s\n", args[0], lines(err), advice(err))
	}
	return status
}

// advice is a line for an error that does not say what to do. A port with TLS ends a
// connection without TLS, and gives no reason.
func advice(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return "\nA server ended the connection. If it wants TLS, its URL begins with rediss://"
	}
	return ""
}

// flags makes a subcommand's flags, with the one that all have.
func flags(name string) (set *flag.FlagSet, urls *string) {
	set = flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	return set, set.String("redis", "", "")
}

// parse parses flags before and after the n arguments that are none.
func parse(set *flag.FlagSet, args []string, names ...string) (words []string, err error) {
	for {
		if err := set.Parse(args); err != nil {
			return nil, asUsage(err)
		}
		if set.NArg() == 0 {
			break
		}
		words, args = append(words, set.Arg(0)), set.Args()[1:]
	}
	if len(words) != len(names) {
		return nil, usagef("%d arguments given, %d needed: %v", len(words), len(names), names)
	}
	return words, nil
}

// connect makes the clients of the nodes, and their pools.
func (p *program) connect(urls string) ([]redis.UniversalClient, []driver.Pool, error) {
	if urls == "" {
		urls = p.env("HOLDFAST_REDIS")
	}
	if urls == "" {
		return nil, nil, usagef("no Redis: give -redis or HOLDFAST_REDIS")
	}
	clients, err := redisurl.Clients(urls)
	if err != nil {
		return nil, nil, usageError{err}
	}
	var pools []driver.Pool
	for _, client := range clients {
		pools = append(pools, goredis.NewPool(client))
	}
	return clients, pools, nil
}

// asUsage makes a usage error of one of the flags', but for the wish for help.
func asUsage(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError{err}
}
