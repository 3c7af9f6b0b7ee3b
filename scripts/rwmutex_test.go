package scripts_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// Marks of waiting writers, and how long ago those ended that are over.
const (
	mark  = "mark\x00\xff\r\n"
	other = "mark\x00\xff\r" // a prefix of mark
	over  = -short
)

// ends says how long each member of a sorted set lasts, in milliseconds from now.
type ends map[string]int

// rw is what a node has of a read-write lock.
type rw struct {
	writer           key
	readers, intents ends
}

// try and wait are the arguments of a write acquire of mine, and read those of a
// read acquire.
func try(replaced ...any) []any  { return append([]any{mine, short, "", 0}, replaced...) }
func wait(replaced ...any) []any { return append([]any{mine, short, mark, short}, replaced...) }
func read(replaced ...any) []any { return append([]any{mine, short, "", 0}, replaced...) }

var (
	written = rw{writer: key{theirs, long}}
	held    = rw{writer: key{mine, long}}
)

// The read-write lock's scripts, case by case.
var rwmutexCases = []struct {
	name   string
	script *scripts.Script
	before rw
	args   []any
	reply  int64
	after  rw
	writes bool
}{
	{"write a free lock", scripts.RWMutex().WriteAcquire,
		rw{}, try(mine), 1, rw{writer: key{mine, short}}, true},
	{"write strictly", scripts.RWMutex().WriteAcquire,
		rw{}, try(), 1, rw{writer: key{mine, short}}, true},
	{"write what another writes", scripts.RWMutex().WriteAcquire,
		written, try(mine), 0, written, false},
	{"write what another reads", scripts.RWMutex().WriteAcquire,
		rw{readers: ends{theirs: long}}, try(mine), 0, rw{readers: ends{theirs: long}}, false},
	{"write what nobody reads any more", scripts.RWMutex().WriteAcquire,
		rw{readers: ends{theirs: over, early1: over}}, try(mine), 1, rw{writer: key{mine, short}}, true},
	{"write what one still reads", scripts.RWMutex().WriteAcquire,
		rw{readers: ends{theirs: long, early1: over}}, try(mine), 0, rw{readers: ends{theirs: long}}, true},
	{"write twice", scripts.RWMutex().WriteAcquire,
		held, try(mine), 1, rw{writer: key{mine, short}}, true},
	{"write twice strictly", scripts.RWMutex().WriteAcquire,
		held, try(), 0, held, false},
	{"write strictly what the same token reads", scripts.RWMutex().WriteAcquire,
		rw{readers: ends{mine: long}}, try(), 0, rw{readers: ends{mine: long}}, false},
	{"write in place of an earlier writer", scripts.RWMutex().WriteAcquire,
		rw{writer: key{early2, long}}, try(mine, early1, early2), 1, rw{writer: key{mine, short}}, true},
	{"write in place of earlier readers", scripts.RWMutex().WriteAcquire,
		rw{readers: ends{early1: long, early2: long}}, try(mine, early1, early2), 1, rw{writer: key{mine, short}}, true},
	{"write what the token itself reads by now", scripts.RWMutex().WriteAcquire,
		rw{readers: ends{mine: long}}, try(mine), 0, rw{readers: ends{mine: long}}, false},
	{"write twice while another is in line", scripts.RWMutex().WriteAcquire,
		rw{writer: key{mine, long}, intents: ends{other: long}}, wait(mine), 1,
		rw{writer: key{mine, short}, intents: ends{other: long}}, true},
	{"write in place of some readers", scripts.RWMutex().WriteAcquire,
		rw{readers: ends{early1: long, theirs: long}}, try(mine, early1), 0, rw{readers: ends{theirs: long}}, true},
	{"others' tokens are no earlier ones of a writer", scripts.RWMutex().WriteAcquire,
		written, try(mine, early1, early2), 0, written, false},
	{"a writer's mark is no token", scripts.RWMutex().WriteAcquire,
		rw{writer: key{mark, long}}, wait(mine), 0, rw{writer: key{mark, long}, intents: ends{mark: short}}, true},

	{"a mark's lifetime is no token", scripts.RWMutex().WriteAcquire,
		rw{writer: key{"200000", long}}, wait(mine), 0, rw{writer: key{"200000", long}, intents: ends{mark: short}}, true},

	{"wait for a writer", scripts.RWMutex().WriteAcquire,
		written, wait(mine), 0, rw{writer: key{theirs, long}, intents: ends{mark: short}}, true},
	{"wait for a reader", scripts.RWMutex().WriteAcquire,
		rw{readers: ends{theirs: long}}, wait(mine), announced, rw{readers: ends{theirs: long}, intents: ends{mark: short}}, true},
	{"wait strictly for the same token", scripts.RWMutex().WriteAcquire,
		held, wait(), 0, rw{writer: key{mine, long}, intents: ends{mark: short}}, true},
	{"wait on", scripts.RWMutex().WriteAcquire,
		rw{writer: key{theirs, long}, intents: ends{mark: 1000, other: long}}, wait(mine), 0,
		rw{writer: key{theirs, long}, intents: ends{mark: short, other: long}}, true},
	{"wait on for less", scripts.RWMutex().WriteAcquire,
		rw{writer: key{theirs, long}, intents: ends{mark: long}}, wait(mine), 0,
		rw{writer: key{theirs, long}, intents: ends{mark: long}}, true},
	{"wait on after the mark's end", scripts.RWMutex().WriteAcquire,
		rw{writer: key{theirs, long}, intents: ends{mark: over, other: over}}, wait(mine), 0,
		rw{writer: key{theirs, long}, intents: ends{mark: short}}, true},
	{"earlier tokens are gone also for one who waits", scripts.RWMutex().WriteAcquire,
		rw{readers: ends{early1: long, theirs: long}}, wait(mine, early1), announced,
		rw{readers: ends{theirs: long}, intents: ends{mark: short}}, true},
	{"write after waiting", scripts.RWMutex().WriteAcquire,
		rw{intents: ends{mark: long}}, wait(mine), 1, rw{writer: key{mine, short}}, true},
	{"write while others wait", scripts.RWMutex().WriteAcquire,
		rw{intents: ends{mark: long, other: long}}, wait(mine), 1,
		rw{writer: key{mine, short}, intents: ends{other: long}}, true},
	{"write without waiting while others wait", scripts.RWMutex().WriteAcquire,
		rw{intents: ends{other: long}}, try(mine), 1, rw{writer: key{mine, short}, intents: ends{other: long}}, true},

	{"extend a write", scripts.RWMutex().WriteExtend,
		rw{writer: key{mine, short}}, []any{mine, long}, 1, held, true},
	{"extend a write to less", scripts.RWMutex().WriteExtend,
		held, []any{mine, short}, 1, rw{writer: key{mine, short}}, true},
	{"extend another's write", scripts.RWMutex().WriteExtend,
		written, []any{mine, short}, 0, written, false},
	{"extend a write where others read", scripts.RWMutex().WriteExtend,
		rw{readers: ends{theirs: long}}, []any{mine, short}, 0, rw{readers: ends{theirs: long}}, false},
	{"extend a write that was downgraded", scripts.RWMutex().WriteExtend,
		rw{readers: ends{mine: short}}, []any{mine, long}, 0, rw{readers: ends{mine: short}}, false},
	{"extend a write where nobody reads any more", scripts.RWMutex().WriteExtend,
		rw{readers: ends{theirs: over}}, []any{mine, short}, -1, rw{readers: ends{theirs: over}}, false},
	{"extend a missing write", scripts.RWMutex().WriteExtend,
		rw{}, []any{mine, short}, -1, rw{}, false},

	{"release a write", scripts.RWMutex().WriteRelease,
		held, []any{mine, "", 0}, 1, rw{}, true},
	{"release a write while others wait", scripts.RWMutex().WriteRelease,
		rw{writer: key{mine, long}, intents: ends{mark: long}}, []any{mine, "", 0}, 1, rw{intents: ends{mark: long}}, true},
	{"release another's write", scripts.RWMutex().WriteRelease,
		written, []any{mine, "", 0}, 0, written, false},
	{"release a write where others read", scripts.RWMutex().WriteRelease,
		rw{readers: ends{theirs: long}}, []any{mine, "", 0}, 0, rw{readers: ends{theirs: long}}, false},
	{"release a write that was downgraded", scripts.RWMutex().WriteRelease,
		rw{readers: ends{mine: long}}, []any{mine, "", 0}, 0, rw{readers: ends{mine: long}}, false},
	{"release a write where nobody reads any more", scripts.RWMutex().WriteRelease,
		rw{readers: ends{theirs: over}}, []any{mine, "", 0}, -1, rw{readers: ends{theirs: over}}, false},
	{"release a missing write", scripts.RWMutex().WriteRelease,
		rw{}, []any{mine, "", 0}, -1, rw{}, false},
	{"release a write and wait on", scripts.RWMutex().WriteRelease,
		held, []any{mine, mark, short}, 1, rw{intents: ends{mark: short}}, true},
	{"release a write and wait on with others", scripts.RWMutex().WriteRelease,
		rw{writer: key{mine, long}, intents: ends{other: long, early1: over}}, []any{mine, mark, short}, 1,
		rw{intents: ends{other: long, mark: short}}, true},
	{"release another's write and wait on", scripts.RWMutex().WriteRelease,
		written, []any{mine, mark, short}, 0, rw{writer: key{theirs, long}, intents: ends{mark: short}}, true},
	{"release a missing write and wait on", scripts.RWMutex().WriteRelease,
		rw{}, []any{mine, mark, short}, -1, rw{intents: ends{mark: short}}, true},
	{"release a write where others read and wait on", scripts.RWMutex().WriteRelease,
		rw{readers: ends{theirs: long}}, []any{mine, mark, short}, 0,
		rw{readers: ends{theirs: long}, intents: ends{mark: short}}, true},

	{"check a write", scripts.RWMutex().WriteCheck,
		held, []any{mine}, 1, held, false},
	{"check another's write", scripts.RWMutex().WriteCheck,
		written, []any{mine}, 0, written, false},
	{"check a write where others read", scripts.RWMutex().WriteCheck,
		rw{readers: ends{theirs: long}}, []any{mine}, 0, rw{readers: ends{theirs: long}}, false},
	{"check a write where nobody reads any more", scripts.RWMutex().WriteCheck,
		rw{readers: ends{theirs: over}}, []any{mine}, -1, rw{readers: ends{theirs: over}}, false},
	{"check a missing write", scripts.RWMutex().WriteCheck,
		rw{intents: ends{mark: long}}, []any{mine}, -1, rw{intents: ends{mark: long}}, false},

	{"withdraw", scripts.RWMutex().WriteWithdraw,
		rw{intents: ends{mark: long}}, []any{mark}, 1, rw{}, true},
	{"withdraw beside others", scripts.RWMutex().WriteWithdraw,
		rw{intents: ends{mark: long, other: long}}, []any{mark}, 1, rw{intents: ends{other: long}}, true},
	{"withdraw a missing mark", scripts.RWMutex().WriteWithdraw,
		rw{intents: ends{other: long}}, []any{mark}, -1, rw{intents: ends{other: long}}, false},
	{"withdraw where nobody waits", scripts.RWMutex().WriteWithdraw,
		rw{writer: key{mark, long}}, []any{mark}, -1, rw{writer: key{mark, long}}, false},

	{"read a free lock", scripts.RWMutex().ReadAcquire,
		rw{}, read(mine), 1, rw{readers: ends{mine: short}}, true},
	{"read strictly", scripts.RWMutex().ReadAcquire,
		rw{}, read(), 1, rw{readers: ends{mine: short}}, true},
	{"read beside others", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{theirs: long}}, read(mine), 1, rw{readers: ends{theirs: long, mine: short}}, true},
	{"read beside others who are dead", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{theirs: long, early1: over}}, read(mine), 1, rw{readers: ends{theirs: long, mine: short}}, true},
	{"read what another writes", scripts.RWMutex().ReadAcquire,
		written, read(mine), 0, written, false},
	{"read what another waits to write", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{theirs: long}, intents: ends{mark: long}}, read(mine), -2,
		rw{readers: ends{theirs: long}, intents: ends{mark: long}}, false},
	{"read what nobody waits to write any more", scripts.RWMutex().ReadAcquire,
		rw{intents: ends{mark: over, other: over}}, read(mine), 1,
		rw{readers: ends{mine: short}, intents: ends{mark: over, other: over}}, true},
	{"read what one still waits to write", scripts.RWMutex().ReadAcquire,
		rw{intents: ends{mark: over, other: long}}, read(mine), -2,
		rw{intents: ends{mark: over, other: long}}, false},
	{"read twice", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{mine: long}}, read(mine), 1, rw{readers: ends{mine: short}}, true},
	{"read twice while a writer waits", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{mine: long, theirs: long}, intents: ends{mark: long}}, read(mine), 1,
		rw{readers: ends{mine: short, theirs: long}, intents: ends{mark: long}}, true},
	{"read twice strictly", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{mine: long}}, read(), 0, rw{readers: ends{mine: long}}, false},
	{"read strictly for longer", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{mine: short}}, []any{mine, long, "", 0}, 0, rw{readers: ends{mine: short}}, false},
	{"read strictly after the end", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{mine: over}}, read(), 1, rw{readers: ends{mine: short}}, true},
	{"read strictly what the same token writes", scripts.RWMutex().ReadAcquire,
		held, read(), 0, held, false},
	{"read in place of an earlier writer", scripts.RWMutex().ReadAcquire,
		rw{writer: key{early2, long}}, read(mine, early1, early2), 1, rw{readers: ends{mine: short}}, true},
	{"read what the token itself writes", scripts.RWMutex().ReadAcquire,
		held, read(mine), 0, held, false},
	{"read in place of earlier readers", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{early1: long, early2: long, theirs: long}}, read(mine, early1, early2), 1,
		rw{readers: ends{theirs: long, mine: short}}, true},
	{"read strictly in place of an earlier reader", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{early1: long}}, read(early1), 1, rw{readers: ends{mine: short}}, true},
	{"an earlier reader is gone also while a writer waits", scripts.RWMutex().ReadAcquire,
		rw{readers: ends{early1: long, theirs: long}, intents: ends{mark: long}}, read(mine, early1), -2,
		rw{readers: ends{theirs: long}, intents: ends{mark: long}}, true},
	{"an earlier writer is gone also while a writer waits", scripts.RWMutex().ReadAcquire,
		rw{writer: key{early1, long}, intents: ends{mark: long}}, read(mine, early1), -2,
		rw{intents: ends{mark: long}}, true},
	{"others' tokens are no earlier ones of a reader", scripts.RWMutex().ReadAcquire,
		written, read(mine, early1, early2), 0, written, false},
	{"a reader's lifetime is no token", scripts.RWMutex().ReadAcquire,
		rw{writer: key{"200000", long}}, read(mine), 0, rw{writer: key{"200000", long}}, false},

	{"repair a read", scripts.RWMutex().ReadRepair,
		rw{}, []any{mine, short}, 1, rw{readers: ends{mine: short}}, true},
	{"repair a read beside others", scripts.RWMutex().ReadRepair,
		rw{readers: ends{theirs: long, early1: over}}, []any{mine, short}, 1, rw{readers: ends{theirs: long, mine: short}}, true},
	{"repair a read that is there", scripts.RWMutex().ReadRepair,
		rw{readers: ends{mine: short}}, []any{mine, long}, 1, rw{readers: ends{mine: long}}, true},
	{"repair a read that lasts longer", scripts.RWMutex().ReadRepair,
		rw{readers: ends{mine: long}}, []any{mine, short}, 1, rw{readers: ends{mine: long}}, false},
	{"repair a read that has ended", scripts.RWMutex().ReadRepair,
		rw{readers: ends{mine: over}}, []any{mine, short}, 1, rw{readers: ends{mine: short}}, true},
	{"repair a read while a writer waits", scripts.RWMutex().ReadRepair,
		rw{intents: ends{mark: long}}, []any{mine, short}, 1, rw{readers: ends{mine: short}, intents: ends{mark: long}}, true},
	{"repair a read where another writes", scripts.RWMutex().ReadRepair,
		written, []any{mine, short}, 0, written, false},
	{"repair a read where the same token writes", scripts.RWMutex().ReadRepair,
		held, []any{mine, short}, 1, rw{readers: ends{mine: short}}, true},

	{"extend a read", scripts.RWMutex().ReadExtend,
		rw{readers: ends{mine: short, theirs: short}}, []any{mine, long}, 1, rw{readers: ends{mine: long, theirs: short}}, true},
	{"extend a read to less", scripts.RWMutex().ReadExtend,
		rw{readers: ends{mine: long}}, []any{mine, short}, 1, rw{readers: ends{mine: long}}, false},
	{"extend a read while a writer waits", scripts.RWMutex().ReadExtend,
		rw{readers: ends{mine: short}, intents: ends{mark: long}}, []any{mine, long}, 2,
		rw{readers: ends{mine: long}, intents: ends{mark: long}}, true},
	{"extend a read while no writer waits any more", scripts.RWMutex().ReadExtend,
		rw{readers: ends{mine: short}, intents: ends{mark: over}}, []any{mine, long}, 1,
		rw{readers: ends{mine: long}, intents: ends{mark: over}}, true},
	{"extend a read that has ended", scripts.RWMutex().ReadExtend,
		rw{readers: ends{mine: over, theirs: long}}, []any{mine, long}, -1, rw{readers: ends{mine: over, theirs: long}}, false},
	{"extend a read that has ended where another writes", scripts.RWMutex().ReadExtend,
		rw{writer: key{theirs, long}, readers: ends{mine: over}}, []any{mine, long}, 0,
		rw{writer: key{theirs, long}, readers: ends{mine: over}}, false},
	{"extend a read where another writes", scripts.RWMutex().ReadExtend,
		written, []any{mine, long}, 0, written, false},
	{"extend a read where others read", scripts.RWMutex().ReadExtend,
		rw{readers: ends{theirs: long}}, []any{mine, long}, -1, rw{readers: ends{theirs: long}}, false},
	{"extend a missing read", scripts.RWMutex().ReadExtend,
		rw{}, []any{mine, long}, -1, rw{}, false},
	{"extend a missing read while a writer waits", scripts.RWMutex().ReadExtend,
		rw{intents: ends{mark: long}}, []any{mine, long}, -1, rw{intents: ends{mark: long}}, false},
	{"extend a read that is still a write", scripts.RWMutex().ReadExtend,
		held, []any{mine, short}, 1, rw{readers: ends{mine: short}}, true},
	{"extend a read that is still a write while another waits", scripts.RWMutex().ReadExtend,
		rw{writer: key{mine, long}, intents: ends{mark: long}}, []any{mine, short}, 2,
		rw{readers: ends{mine: short}, intents: ends{mark: long}}, true},

	{"release a read", scripts.RWMutex().ReadRelease,
		rw{readers: ends{mine: long, theirs: long}}, []any{mine, "", 0}, 1, rw{readers: ends{theirs: long}}, true},
	{"release the last read", scripts.RWMutex().ReadRelease,
		rw{readers: ends{mine: long}, intents: ends{mark: long}}, []any{mine, "", 0}, 1, rw{intents: ends{mark: long}}, true},
	{"release a read that has ended", scripts.RWMutex().ReadRelease,
		rw{readers: ends{mine: over, theirs: over}}, []any{mine, "", 0}, -1, rw{readers: ends{theirs: over}}, true},
	{"release a read that has ended where another writes", scripts.RWMutex().ReadRelease,
		rw{writer: key{theirs, long}, readers: ends{mine: over}}, []any{mine, "", 0}, 0, written, true},
	{"release a read where another writes", scripts.RWMutex().ReadRelease,
		written, []any{mine, "", 0}, 0, written, false},
	{"release a read where others read", scripts.RWMutex().ReadRelease,
		rw{readers: ends{theirs: long}}, []any{mine, "", 0}, -1, rw{readers: ends{theirs: long}}, false},
	{"release a missing read", scripts.RWMutex().ReadRelease,
		rw{}, []any{mine, "", 0}, -1, rw{}, false},
	{"release a read that is still a write", scripts.RWMutex().ReadRelease,
		held, []any{mine, "", 0}, 1, rw{}, true},
	{"release a read that has ended and is still a write", scripts.RWMutex().ReadRelease,
		rw{writer: key{mine, long}, readers: ends{mine: over}}, []any{mine, "", 0}, 1, rw{}, true},

	{"check a read", scripts.RWMutex().ReadCheck,
		rw{readers: ends{mine: long, theirs: long}}, []any{mine}, 1, rw{readers: ends{mine: long, theirs: long}}, false},
	{"check a read while a writer waits", scripts.RWMutex().ReadCheck,
		rw{readers: ends{mine: long}, intents: ends{mark: long}}, []any{mine}, 1,
		rw{readers: ends{mine: long}, intents: ends{mark: long}}, false},
	{"check a read that has ended", scripts.RWMutex().ReadCheck,
		rw{readers: ends{mine: over}}, []any{mine}, -1, rw{readers: ends{mine: over}}, false},
	{"check a read where another writes", scripts.RWMutex().ReadCheck,
		written, []any{mine}, 0, written, false},
	{"check a read where others read", scripts.RWMutex().ReadCheck,
		rw{readers: ends{theirs: long}}, []any{mine}, -1, rw{readers: ends{theirs: long}}, false},
	{"check a read that is still a write", scripts.RWMutex().ReadCheck,
		held, []any{mine}, 1, held, false},
	{"check a missing read", scripts.RWMutex().ReadCheck,
		rw{}, []any{mine}, -1, rw{}, false},

	{"pass a write on", scripts.RWMutex().WritePass,
		rw{writer: key{mine, short}}, []any{mine, long}, 1, held, true},
	{"pass a write on for less", scripts.RWMutex().WritePass,
		held, []any{mine, short}, 1, rw{writer: key{mine, short}}, true},
	{"pass a write on where leases have ended", scripts.RWMutex().WritePass,
		rw{writer: key{mine, short}, readers: ends{theirs: over}}, []any{mine, long}, 1,
		rw{writer: key{mine, long}, readers: ends{theirs: over}}, true},
	{"pass another's write on", scripts.RWMutex().WritePass,
		written, []any{mine, short}, 0, written, false},
	{"pass a write on where others read", scripts.RWMutex().WritePass,
		rw{readers: ends{theirs: long}}, []any{mine, short}, 0, rw{readers: ends{theirs: long}}, false},
	{"pass a write on that was downgraded", scripts.RWMutex().WritePass,
		rw{readers: ends{mine: long}}, []any{mine, short}, 0, rw{readers: ends{mine: long}}, false},
	{"pass a missing write on", scripts.RWMutex().WritePass,
		rw{readers: ends{theirs: over}}, []any{mine, short}, -1, rw{readers: ends{theirs: over}}, false},

	{"downgrade", scripts.RWMutex().Downgrade,
		held, []any{mine, short}, 1, rw{readers: ends{mine: short}}, true},
	{"downgrade while another waits", scripts.RWMutex().Downgrade,
		rw{writer: key{mine, long}, intents: ends{mark: long}}, []any{mine, short}, 2,
		rw{readers: ends{mine: short}, intents: ends{mark: long}}, true},
	{"downgrade while nobody waits any more", scripts.RWMutex().Downgrade,
		rw{writer: key{mine, long}, intents: ends{mark: over}}, []any{mine, short}, 1,
		rw{readers: ends{mine: short}}, true},
	{"downgrade what was downgraded", scripts.RWMutex().Downgrade,
		rw{readers: ends{mine: short, theirs: short}}, []any{mine, long}, 1,
		rw{readers: ends{mine: long, theirs: short}}, true},
	{"downgrade what was downgraded while another waits", scripts.RWMutex().Downgrade,
		rw{readers: ends{mine: short}, intents: ends{mark: long}}, []any{mine, long}, 2,
		rw{readers: ends{mine: long}, intents: ends{mark: long}}, true},
	{"downgrade what was downgraded for longer", scripts.RWMutex().Downgrade,
		rw{readers: ends{mine: long}}, []any{mine, short}, 1, rw{readers: ends{mine: long}}, false},
	{"downgrade what was downgraded and has ended", scripts.RWMutex().Downgrade,
		rw{readers: ends{mine: over}}, []any{mine, long}, -1, rw{readers: ends{mine: over}}, false},
	{"downgrade another's write", scripts.RWMutex().Downgrade,
		written, []any{mine, short}, 0, written, false},
	{"downgrade where others read", scripts.RWMutex().Downgrade,
		rw{readers: ends{theirs: long}}, []any{mine, short}, -1, rw{readers: ends{theirs: long}}, false},
	{"downgrade a missing write", scripts.RWMutex().Downgrade,
		rw{}, []any{mine, short}, -1, rw{}, false},
	{"downgrade a missing write while another waits", scripts.RWMutex().Downgrade,
		rw{intents: ends{mark: long}}, []any{mine, short}, -1, rw{intents: ends{mark: long}}, false},
}

func TestRWMutexScripts(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range rwmutexCases {
		t.Run(c.name, func(t *testing.T) {
			l := newRWMutex(t, node)
			l.set(c.before)
			watch := l.watch()
			requireReply(t, c.reply, l.run(c.script, c.args...))
			if !c.writes || redistest.Backend() != "embedded" { // which does not notice what only deletes
				assert.Equal(t, c.writes, watch.touched(), "a key was written")
			}
			l.require(c.after)
		})
	}
}

// Every script, and what it does twice where mine writes and mark waits.
var rwmutexRuns = []struct {
	script        *scripts.Script
	args          []any
	first, second int64
	after         rw
}{
	{scripts.RWMutex().WriteAcquire, wait(mine), 1, 1, rw{writer: key{mine, short}}},
	{scripts.RWMutex().WriteExtend, []any{mine, short}, 1, 1, rw{writer: key{mine, short}, intents: ends{mark: long}}},
	{scripts.RWMutex().WritePass, []any{mine, short}, 2, 2, rw{writer: key{mine, short}, intents: ends{mark: long}}},
	{scripts.RWMutex().WriteRelease, []any{mine, mark, short}, 1, -1, rw{intents: ends{mark: long}}},
	{scripts.RWMutex().WriteCheck, []any{mine}, 1, 1, rw{writer: key{mine, long}, intents: ends{mark: long}}},
	{scripts.RWMutex().WriteWithdraw, []any{mark}, 1, -1, held},
	{scripts.RWMutex().ReadAcquire, read(mine), 0, 0, rw{writer: key{mine, long}, intents: ends{mark: long}}},
	{scripts.RWMutex().ReadRepair, []any{mine, short}, 1, 1, rw{readers: ends{mine: short}, intents: ends{mark: long}}},
	{scripts.RWMutex().ReadExtend, []any{mine, short}, 2, 2, rw{readers: ends{mine: short}, intents: ends{mark: long}}},
	{scripts.RWMutex().ReadRelease, []any{mine, "", 0}, 1, -1, rw{intents: ends{mark: long}}},
	{scripts.RWMutex().ReadCheck, []any{mine}, 1, 1, rw{writer: key{mine, long}, intents: ends{mark: long}}},
	{scripts.RWMutex().Downgrade, []any{mine, short}, 2, 2, rw{readers: ends{mine: short}, intents: ends{mark: long}}},
}

func TestRWMutexScriptsTwice(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range rwmutexRuns {
		t.Run(c.script.Name(), func(t *testing.T) {
			l := newRWMutex(t, node)
			l.set(rw{writer: key{mine, long}, intents: ends{mark: long}})
			assert.Equal(t, c.first, l.run(c.script, c.args...), "the first time")
			assert.Equal(t, c.second, l.run(c.script, c.args...), "the second time")
			l.require(c.after)
		})
	}
}

// Of one key at a time each script finds another kind, in each state that the
// other keys can have. Either it fails and has written nothing, or it needs the
// key not at all and leaves it as it is.
func TestRWMutexScriptsOnAWrongType(t *testing.T) {
	node := redistest.StartOne(t)
	states := []rw{{}, held, written, {readers: ends{mine: long}}, {readers: ends{mine: over}}, {intents: ends{mark: over}}}
	for _, c := range rwmutexRuns {
		t.Run(c.script.Name(), func(t *testing.T) {
			failed := 0
			for i := range 3 * len(states) {
				l := newRWMutex(t, node)
				l.set(states[i/3])
				l.spoil(i % 3)
				if l.fails(c.script, c.args...) {
					failed++
				}
				l.requireSpoilt(i % 3)
			}
			assert.Positive(t, failed)
		})
	}
}

// Each script's own key of another kind is an error, whatever the other keys are.
func TestRWMutexScriptsNeedTheirKeys(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		script *scripts.Script
		args   []any
		keys   []int
	}{
		{scripts.RWMutex().WriteAcquire, wait(mine), []int{0, 1, 2}},
		{scripts.RWMutex().WriteAcquire, try(mine), []int{0, 1}},
		{scripts.RWMutex().WriteExtend, []any{mine, short}, []int{0, 1}},
		{scripts.RWMutex().WritePass, []any{mine, short}, []int{0, 1}},
		{scripts.RWMutex().WriteRelease, []any{mine, mark, short}, []int{0, 1}}, // a ticket that cannot be put back keeps no hold
		{scripts.RWMutex().WriteCheck, []any{mine}, []int{0, 1}},
		{scripts.RWMutex().WriteWithdraw, []any{mark}, []int{2}},
		{scripts.RWMutex().ReadAcquire, read(mine), []int{0, 1, 2}},
		{scripts.RWMutex().ReadRepair, []any{mine, short}, []int{0, 1}},
		{scripts.RWMutex().ReadExtend, []any{mine, short}, []int{0, 1, 2}},
		{scripts.RWMutex().ReadRelease, []any{mine, "", 0}, []int{0, 1}},
		{scripts.RWMutex().ReadCheck, []any{mine}, []int{0, 1}},
		{scripts.RWMutex().Downgrade, []any{mine, short}, []int{0, 1, 2}},
	} {
		for _, i := range c.keys {
			l := newRWMutex(t, node)
			l.spoil(i)
			require.True(t, l.fails(c.script, c.args...), "%s, key %d", c.script.Name(), i+1)
		}
	}
}

// A dead reader beside one that renews its lease is gone with its own lease, and
// keeps no writer out after that.
func TestRWMutexDeadReaderBesideALiveOne(t *testing.T) {
	l := newRWMutex(t, redistest.StartOne(t))
	require.EqualValues(t, 1, l.run(scripts.RWMutex().ReadAcquire, theirs, short, "", 0))
	require.EqualValues(t, 1, l.run(scripts.RWMutex().ReadAcquire, early1, 20, "", 0))
	l.await(-1, scripts.RWMutex().ReadCheck, early1)
	assert.EqualValues(t, -1, l.run(scripts.RWMutex().ReadExtend, early1, long))
	l.require(rw{readers: ends{theirs: short, early1: 0}})
	assert.EqualValues(t, 0, l.run(scripts.RWMutex().WriteAcquire, try(mine)...))
	l.require(rw{readers: ends{theirs: short}})
	assert.EqualValues(t, 1, l.run(scripts.RWMutex().ReadExtend, theirs, long))
	l.require(rw{readers: ends{theirs: long}})
	assert.EqualValues(t, 1, l.run(scripts.RWMutex().ReadRelease, theirs, "", 0))
	assert.EqualValues(t, 1, l.run(scripts.RWMutex().WriteAcquire, try(mine)...))
}

// The server's own clock ends a hold; then it keeps nobody out.
func TestRWMutexHoldsEnd(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct{ first, next *scripts.Script }{
		{scripts.RWMutex().WriteAcquire, scripts.RWMutex().WriteAcquire},
		{scripts.RWMutex().WriteAcquire, scripts.RWMutex().ReadAcquire},
		{scripts.RWMutex().ReadAcquire, scripts.RWMutex().WriteAcquire},
	} {
		l := newRWMutex(t, node)
		require.EqualValues(t, 1, l.run(c.first, early1, 20, "", 0))
		l.await(1, c.next, mine, short, "", 0)
	}
}

// A writer that died while it waited keeps readers out until its mark's end, and
// no longer, while another one's stands for as long as it is renewed.
func TestRWMutexMarksEnd(t *testing.T) {
	l := newRWMutex(t, redistest.StartOne(t))
	l.set(written)
	require.EqualValues(t, 0, l.run(scripts.RWMutex().WriteAcquire, mine, short, mark, 20))
	require.EqualValues(t, 0, l.run(scripts.RWMutex().WriteAcquire, early1, short, other, long))
	require.EqualValues(t, 1, l.run(scripts.RWMutex().WriteRelease, theirs, "", 0))
	require.Eventually(t, func() bool {
		require.EqualValues(t, -2, l.run(scripts.RWMutex().ReadAcquire, theirs, short, "", 0))
		return l.members(2)[mark] < serverClock(t, l.node)
	}, 10*time.Second, time.Millisecond)
	require.Contains(t, l.members(2), other)
	require.EqualValues(t, -2, l.run(scripts.RWMutex().ReadAcquire, theirs, short, "", 0))
	require.EqualValues(t, 1, l.run(scripts.RWMutex().WriteWithdraw, other))
	assert.EqualValues(t, 1, l.run(scripts.RWMutex().ReadAcquire, theirs, short, "", 0))
}

// Of the writer that goes on waiting, no reader comes between a grant that was of
// no use and the mark that stands again.
func TestRWMutexReleaseRestoresTheMark(t *testing.T) {
	l := newRWMutex(t, redistest.StartOne(t))
	l.set(rw{intents: ends{mark: short}})
	require.EqualValues(t, 1, l.run(scripts.RWMutex().WriteAcquire, wait(mine)...))
	l.require(rw{writer: key{mine, short}})
	require.EqualValues(t, 1, l.run(scripts.RWMutex().WriteRelease, mine, mark, short))
	assert.EqualValues(t, -2, l.run(scripts.RWMutex().ReadAcquire, theirs, short, "", 0))
	require.EqualValues(t, 1, l.run(scripts.RWMutex().WriteWithdraw, mark))
	assert.EqualValues(t, 1, l.run(scripts.RWMutex().ReadAcquire, theirs, short, "", 0))
}

// Leases are each reader's own; the key's expiry only grows, to the longest.
func TestRWMutexLeases(t *testing.T) {
	l := newRWMutex(t, redistest.StartOne(t))
	l.run(scripts.RWMutex().ReadAcquire, read(mine)...)
	l.requireKeyLasts(1, short)
	l.run(scripts.RWMutex().ReadAcquire, theirs, long, "", 0)
	l.require(rw{readers: ends{mine: short, theirs: long}})
	l.requireKeyLasts(1, long)
	l.run(scripts.RWMutex().ReadAcquire, early1, short, "", 0)
	l.run(scripts.RWMutex().ReadExtend, mine, short)
	l.run(scripts.RWMutex().ReadRepair, early2, short)
	l.requireKeyLasts(1, long)
	l.run(scripts.RWMutex().ReadRelease, theirs, "", 0)
	l.require(rw{readers: ends{mine: short, early1: short, early2: short}})
	l.requireKeyLasts(1, long)
}

// The steps that make a lease longer, one by one, make the key last.
func TestRWMutexLeasesMakeTheKeyLast(t *testing.T) {
	node := redistest.StartOne(t)
	for _, script := range []*scripts.Script{
		scripts.RWMutex().ReadAcquire, scripts.RWMutex().ReadRepair, scripts.RWMutex().ReadExtend, scripts.RWMutex().Downgrade,
	} {
		t.Run(script.Name(), func(t *testing.T) {
			l := newRWMutex(t, node)
			l.set(rw{readers: ends{mine: short, theirs: short}})
			assert.EqualValues(t, 1, l.run(script, mine, long, "", 0, mine))
			l.require(rw{readers: ends{mine: long, theirs: short}})
			l.requireKeyLasts(1, long)
		})
	}
}

func TestRWMutexMarksMakeTheKeyLast(t *testing.T) {
	node := redistest.StartOne(t)
	for _, call := range [][]any{
		{scripts.RWMutex().WriteAcquire, mine, short, mark}, {scripts.RWMutex().WriteRelease, mine, mark},
	} {
		l := newRWMutex(t, node)
		l.set(rw{writer: key{theirs, long}, intents: ends{other: short}})
		for _, lifetime := range []int{long, short} {
			args := append(append([]any{}, call[1:]...), lifetime)
			assert.EqualValues(t, 0, l.run(call[0].(*scripts.Script), args...))
			l.require(rw{writer: key{theirs, long}, intents: ends{other: short, mark: long}})
			l.requireKeyLasts(2, long)
		}
	}
}

// A lifetime is in milliseconds, also the shortest one.
func TestRWMutexScriptsWithTheShortestLifetime(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		script *scripts.Script
		before rw
		args   []any
	}{
		{scripts.RWMutex().WriteAcquire, rw{}, []any{mine, 1, "", 0}},
		{scripts.RWMutex().WriteExtend, held, []any{mine, 1}},
		{scripts.RWMutex().WritePass, held, []any{mine, 1}},
		{scripts.RWMutex().ReadAcquire, rw{}, []any{mine, 1, "", 0}},
		{scripts.RWMutex().ReadRepair, rw{}, []any{mine, 1}},
		{scripts.RWMutex().ReadExtend, held, []any{mine, 1}},
		{scripts.RWMutex().Downgrade, held, []any{mine, 1}},
		{scripts.RWMutex().WriteRelease, rw{}, []any{mine, mark, 1}},
	} {
		t.Run(c.script.Name(), func(t *testing.T) {
			l := newRWMutex(t, node)
			l.set(c.before)
			l.run(c.script, c.args...)
			require.Eventually(t, func() bool { return l.count() == 0 }, 10*time.Second, time.Millisecond)
		})
	}
}

// One acquire clears away a crowd of dead readers.
func TestRWMutexReapsACrowd(t *testing.T) {
	l := newRWMutex(t, redistest.StartOne(t))
	crowd := ends{}
	for i := range 5_000 {
		crowd[fmt.Sprint(i)] = over
	}
	l.set(rw{readers: crowd})
	assert.EqualValues(t, 1, l.run(scripts.RWMutex().ReadAcquire, read(mine)...))
	l.require(rw{readers: ends{mine: short}})
}

// rwmutex is one read-write lock's keys on a node: see rwmutex_prelude.
type rwmutex struct {
	t    *testing.T
	node *redistest.Node
	keys [5]string
}

func newRWMutex(t *testing.T, node *redistest.Node) *rwmutex {
	l := &rwmutex{t: t, node: node}
	for i, kind := range []string{"writer", "readers", "writers", "waiters", "awaited"} {
		l.keys[i] = redistest.Name(t) + "\x00\xff {\r\n" + kind
	}
	t.Cleanup(func() { node.Do(t, append([]any{"DEL"}, l.words()...)...) })
	return l
}

// run runs a script, which must work.
func (l *rwmutex) run(script *scripts.Script, args ...any) any {
	l.t.Helper()
	reply, err := l.try(script, args...)
	require.NoError(l.t, err)
	return reply
}

// try runs a script.
func (l *rwmutex) try(script *scripts.Script, args ...any) (any, error) {
	words := append([]any{"EVAL", script.Source(), len(l.keys)}, l.words()...)
	return l.node.TryDo(append(words, args...)...)
}

// words are the keys as words of a command.
func (l *rwmutex) words() []any {
	var words []any
	for _, key := range l.keys {
		words = append(words, key)
	}
	return words
}

// fails runs a script, and reports whether it fails on a key of another kind. It
// must have written nothing then.
func (l *rwmutex) fails(script *scripts.Script, args ...any) bool {
	l.t.Helper()
	watch := l.watch()
	_, err := l.try(script, args...)
	if err == nil {
		return false
	}
	require.ErrorContains(l.t, err, "WRONGTYPE")
	require.False(l.t, watch.touched(), "a key was written")
	return true
}

// await runs a script until it replies so.
func (l *rwmutex) await(reply int64, script *scripts.Script, args ...any) {
	l.t.Helper()
	require.Eventually(l.t, func() bool { return l.run(script, args...) == reply }, 10*time.Second, time.Millisecond)
}

// set makes the node have a state, without the scripts.
func (l *rwmutex) set(state rw) {
	l.t.Helper()
	if state.writer != nothing {
		l.node.Do(l.t, "SET", l.keys[0], state.writer.token, "PX", state.writer.lifetime)
	}
	l.setMembers(1, state.readers)
	l.setMembers(2, state.intents)
	for member := range state.intents {
		l.node.Do(l.t, "ZADD", l.keys[2], serverClock(l.t, l.node)-sinceLate, "-"+member)
		l.node.Do(l.t, "SET", l.keys[4], 1, "PX", long)
	}
}

// setMembers fills a sorted set, which lasts as long as its longest member, and
// for a while if all have ended.
func (l *rwmutex) setMembers(i int, members ends) {
	l.t.Helper()
	if len(members) == 0 {
		return
	}
	now, longest := serverClock(l.t, l.node), 0
	words := []any{"ZADD", l.keys[i]}
	for member, lifetime := range members {
		words = append(words, now+lifetime*1000, member)
		longest = max(longest, lifetime)
	}
	if longest == 0 {
		longest = short
	}
	l.node.Do(l.t, words...)
	l.node.Do(l.t, "PEXPIRE", l.keys[i], longest)
}

// require checks that the node has a state, and that no key is without an expiry
// or expires before what is in it.
func (l *rwmutex) require(state rw) {
	l.t.Helper()
	(&lock{l.t, l.node, l.keys[0]}).requireKey(state.writer)
	l.requireMembers(1, state.readers)
	l.requireMembers(2, state.intents)
}

func (l *rwmutex) requireMembers(i int, want ends) {
	l.t.Helper()
	have, now := l.members(i), serverClock(l.t, l.node)
	require.Len(l.t, have, len(want), "%q", have)
	lifetime := l.lifetime(i)
	for member, end := range have {
		require.Contains(l.t, want, member)
		requireAbout(l.t, want[member], (end-now)/1000)
		require.Greater(l.t, lifetime+slack, (end-now)/1000, "the key ends before %q", member)
	}
	require.NotEqual(l.t, -1, lifetime, "no expiry")
}

// members are those of a sorted set that end, or have ended, with their ends in µs.
func (l *rwmutex) members(i int) map[string]int {
	l.t.Helper()
	reply := l.node.Do(l.t, "ZRANGEBYSCORE", l.keys[i], 0, "+inf", "WITHSCORES").([]any)
	found := make(map[string]int)
	for j := 0; j < len(reply); j += 2 {
		end, err := strconv.ParseFloat(reply[j+1].(string), 64)
		require.NoError(l.t, err)
		found[reply[j].(string)] = int(end)
	}
	return found
}

// lifetime is a key's remaining lifetime in milliseconds, -1 without expiry.
func (l *rwmutex) lifetime(i int) int {
	l.t.Helper()
	return (&lock{l.t, l.node, l.keys[i]}).lifetime()
}

func (l *rwmutex) requireKeyLasts(i, lifetime int) {
	l.t.Helper()
	requireAbout(l.t, lifetime, l.lifetime(i))
}

// count is how many keys there are.
func (l *rwmutex) count() int {
	l.t.Helper()
	return int(l.node.Do(l.t, append([]any{"EXISTS"}, l.words()...)...).(int64))
}

// spoil makes a key one of another kind.
func (l *rwmutex) spoil(i int) {
	l.t.Helper()
	l.node.Do(l.t, "DEL", l.keys[i])
	l.node.Do(l.t, "RPUSH", l.keys[i], "element")
	l.node.Do(l.t, "PEXPIRE", l.keys[i], long)
}

// requireSpoilt checks that a key is as spoil left it.
func (l *rwmutex) requireSpoilt(i int) {
	l.t.Helper()
	require.Equal(l.t, []any{"element"}, l.node.Do(l.t, "LRANGE", l.keys[i], 0, -1))
	l.requireKeyLasts(i, long)
}

// watch notices every write to the lock's keys: see lock.watch.
func (l *rwmutex) watch() watch {
	l.t.Helper()
	w := newWatch(l.t, l.node)
	w.do("WATCH", l.words()...)
	return w
}

// serverClock is a node's clock in µs.
func serverClock(t *testing.T, node *redistest.Node) int {
	t.Helper()
	clock := node.Do(t, "TIME").([]any)
	seconds, err := strconv.Atoi(clock[0].(string))
	require.NoError(t, err)
	micros, err := strconv.Atoi(clock[1].(string))
	require.NoError(t, err)
	return seconds*1_000_000 + micros
}
