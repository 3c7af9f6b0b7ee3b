package rwmutex_test

import (
	"context"
	"flag"
	"testing"

	goredisclient "github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestMain(m *testing.M) {
	goredisclient.SetLogger(silence{})
	_ = flag.Set("test.parallel", "16") // those beside each other wait for distant nodes
	redistest.Main(m)
}

// silence keeps go-redis from reporting what the tests do to its connections.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
