package semaphore_test

import (
	"context"
	"testing"

	goredisclient "github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestMain(m *testing.M) {
	goredisclient.SetLogger(silence{})
	redistest.MainWithExamples(m)
}

// silence keeps go-redis from reporting what the tests do to its connections.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
