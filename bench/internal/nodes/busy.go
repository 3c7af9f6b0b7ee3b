package nodes

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// INFO commandstats lists commands that scripts call beside those that clients send,
// and the time of EVALSHA has the time of what the script calls in it (so on Redis
// 7.0: a script with 2,000 SETs adds one call of EVALSHA and 2,000 of SET). To add up
// all would count the inner commands twice, so only what clients send is added up.
// MONITOR shows which these are.

// Asked returns the commands, in lower case, that clients send to a node during run.
// It fails if a script calls one of them, too, as their times cannot be separated.
func Asked(node *Node, run func() error) (commands []string, err error) {
	conn, err := node.dial()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Do("MONITOR"); err != nil {
		return nil, err
	}
	if err := run(); err != nil {
		return nil, err
	}
	if _, err := node.Do("ECHO", endOfRun); err != nil {
		return nil, err
	}
	return readMonitor(conn)
}

const endOfRun = "bench:end of the run"

// monitored is a line of MONITOR: when, [database source], "command" and arguments.
var monitored = regexp.MustCompile(`^\S+ \[\d+ (\S+)\] "([^"]*)"`)

func readMonitor(conn redis.Conn) (commands []string, err error) {
	byScripts := make(map[string]bool) // whether scripts have called the command
	for {
		line, err := redis.String(conn.Receive())
		if err != nil {
			return nil, err
		}
		if strings.Contains(line, endOfRun) {
			return commands, nil
		}
		match := monitored.FindStringSubmatch(line)
		if match == nil {
			return nil, fmt.Errorf("nodes: MONITOR: %q", line)
		}
		command, byScript := strings.ToLower(match[2]), match[1] == "lua"
		if before, known := byScripts[command]; known && before != byScript {
			return nil, fmt.Errorf("nodes: %s is sent by clients and called by scripts", command)
		} else if !known && !byScript {
			commands = append(commands, command)
		}
		byScripts[command] = byScript
	}
}

// Busy is how long all nodes together have worked on these commands since they
// started, with what is done in scripts.
func (m *Meter) Busy(commands []string) (busy time.Duration, err error) {
	for i := range m.conns {
		stats, err := m.info(i, "commandstats")
		if err != nil {
			return 0, err
		}
		for _, command := range commands {
			busy += busyWith(stats, command)
		}
	}
	return busy, nil
}

func busyWith(stats, command string) time.Duration {
	_, rest, _ := strings.Cut(infoField(stats, "cmdstat_"+command), "usec=")
	digits, _, _ := strings.Cut(rest, ",")
	micros, _ := strconv.Atoi(digits) // no such field: never called
	return time.Duration(micros) * time.Microsecond
}
