package faketime

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// With more than one processor the race detector crashes here, in Go 1.26.8.
func TestDueTimersOfManyGoroutines(t *testing.T) {
	Run(t, func(*testing.T) {
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for range 2000 {
					fired := make(chan struct{})
					time.AfterFunc(0, func() { close(fired) })
					<-fired
				}
			})
		}
		all.Wait()
	})
}

func TestProcessorsComeBackWithTheLastUser(t *testing.T) {
	before := runtime.GOMAXPROCS(3)
	defer runtime.GOMAXPROCS(before)
	var p processors
	p.enter()
	p.enter()
	p.leave()
	assert.Equal(t, 1, runtime.GOMAXPROCS(0))
	p.leave()
	assert.Equal(t, 3, runtime.GOMAXPROCS(0))
}
