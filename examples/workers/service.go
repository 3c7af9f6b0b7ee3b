package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// holding is how long the service takes for a request.
const holding = 5 * time.Millisecond

// service is an HTTP server that fails when too many requests are inside at once.
type service struct {
	*httptest.Server
	capacity int64

	inside atomic.Int64
	served atomic.Int64 // requests that it could do
	failed atomic.Int64 // requests that were too many
}

// startService starts a service on loopback that can do capacity requests at a
// time.
func startService(capacity int) *service {
	s := &service{capacity: int64(capacity)}
	s.Server = httptest.NewServer(s)
	return s
}

// ServeHTTP does one request. It has left the service before its answer goes
// out, because net/http keeps a short answer back until this returns: who has
// read the answer is not inside any more.
func (s *service) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	defer s.inside.Add(-1)
	tooMany := s.inside.Add(1) > s.capacity
	time.Sleep(holding)
	if tooMany {
		s.failed.Add(1)
		http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
		return
	}
	s.served.Add(1)
	fmt.Fprintln(w, "thumbnail made")
}
