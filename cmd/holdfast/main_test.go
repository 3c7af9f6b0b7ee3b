package main

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// asCommand has the test binary be holdfast.
const asCommand = "HOLDFAST_TEST_AS_COMMAND"

// patience is for what must come, on a slow machine. Each wait fails the test after it.
const patience, tick = 20 * time.Second, 5 * time.Millisecond

// asCounter, as its only argument, has the test binary be a command that reads a line and
// counts interrupts, which a shell does not do exactly.
const asCounter = "count-interrupts"

func countInterrupts() {
	signals := make(chan os.Signal, 100)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	fmt.Println("reading")
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Print("read ", line)
	for n := 0; ; {
		if <-signals == syscall.SIGTERM {
			fmt.Printf("after %d interrupts\n", n)
			os.Exit(33)
		}
		n++
		fmt.Printf("interrupt %d\n", n)
	}
}

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == asCounter {
		countInterrupts()
	}
	if os.Getenv(asCommand) != "" {
		main()
	}
	redis.SetLogger(silence{})
	redistest.Main(m)
}
