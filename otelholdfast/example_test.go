package otelholdfast_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/redis/go-redis/v9"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/otelholdfast"
)

// Metrics of a mutex. A program has an exporter in place of the reader, and calls New
// without options where its meter provider is the global one.
func Example() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	ctx := context.Background()

	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	hooks, err := otelholdfast.New(otelholdfast.WithMeterProvider(provider))
	if err != nil {
		log.Fatal(err)
	}
	m := mutex.New(goredis.NewPool(client)).NewMutex("invoice:42", mutex.WithHooks(hooks))
	if err := m.Do(ctx, func(context.Context) error { return nil }); err != nil {
		log.Fatal(err)
	}

	var metrics metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &metrics); err != nil {
		log.Fatal(err)
	}
	for _, metric := range metrics.ScopeMetrics[0].Metrics {
		fmt.Println(metric.Name)
	}
	// Unordered output:
	// holdfast.lock.wait_time
	// holdfast.lock.use_time
	// holdfast.lock.pending_requests
	// holdfast.lock.held
	// holdfast.lock.losses
}
