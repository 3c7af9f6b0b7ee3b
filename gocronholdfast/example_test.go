package gocronholdfast_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/gocronholdfast"
	"github.com/holdfast-go/holdfast/mutex"
)

// Every replica runs this, and one of them writes the report.
func ExampleLocker() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	// Replicas are due at a tick within 30 s of each other.
	locker, err := gocronholdfast.NewLocker(locks, 30*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()
	scheduler, err := gocron.NewScheduler(gocron.WithDistributedLocker(locker))
	if err != nil {
		log.Fatal(err)
	}

	written := make(chan struct{})
	report := func(ctx context.Context) {
		ctx, cancel := locker.Context(ctx, "report") // ends when the lease is lost, too
		defer cancel()
		fmt.Println("writing the report:", ctx.Err())
		close(written)
	}
	_, err = scheduler.NewJob(
		gocron.OneTimeJob(gocron.OneTimeJobStartImmediately()), // or gocron.CronJob("0 6 * * *", false)
		gocron.NewTask(report),
		gocron.WithName("report"), // the lock's name
	)
	if err != nil {
		log.Fatal(err)
	}
	scheduler.Start()

	<-written
	if err := scheduler.Shutdown(); err != nil { // before the locker is closed
		log.Fatal(err)
	}
	// Output: writing the report: <nil>
}

// Every replica runs this, and the jobs of one of them run.
func ExampleElector() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR")})
	defer client.Close()
	locks := mutex.New(goredis.NewPool(client))

	elector, err := gocronholdfast.NewElector(locks, "scheduler", mutex.WithOwner("replica-1"))
	if err != nil {
		log.Fatal(err)
	}
	defer elector.Close() // another replica leads at once
	scheduler, err := gocron.NewScheduler(gocron.WithDistributedElector(elector))
	if err != nil {
		log.Fatal(err)
	}

	cleaned := make(chan struct{})
	cleanup := func(ctx context.Context) {
		ctx, cancel := elector.Context(ctx) // ends when another may lead, too
		defer cancel()
		fmt.Println("cleaning up:", ctx.Err())
		close(cleaned)
	}
	_, err = scheduler.NewJob(gocron.OneTimeJob(gocron.OneTimeJobStartImmediately()), gocron.NewTask(cleanup))
	if err != nil {
		log.Fatal(err)
	}
	scheduler.Start()

	<-cleaned
	if err := scheduler.Shutdown(); err != nil { // before the elector is closed
		log.Fatal(err)
	}
	// Output: cleaning up: <nil>
}
