package fakenode

import "time"

// State is what a node has. Of a [Node], Mu guards it.
type State struct {
	Keys    map[string]Key    // of mutexes
	Permits map[string]Permit // by token; of one semaphore
	RWs     map[string]*RW    // by the writer's key
	Lines                     // of mutexes and of the semaphore
	Channels
	Counters

	Rate   float64 // of the lifetimes of grants; 0 for 1
	Grants int     // how many releases made

	CountsPermits bool // wrong: a semaphore that counts, and knows no slots
	DropsOwn      bool // wrong: takes a token's slots away before it looks whether there are others
}

func newState() State {
	return State{
		Keys: make(map[string]Key), Permits: make(map[string]Permit), RWs: make(map[string]*RW), Lines: make(Lines),
		Channels: Channels{NoSubscriptions: true}, Counters: Counters{byKey: make(map[string]counter)},
	}
}

// forget is the loss of all keys.
func (s *State) forget() {
	clear(s.Keys)
	clear(s.Permits)
	clear(s.Lines)
	clear(s.byKey)
	for _, l := range s.RWs {
		l.Clear()
	}
}

// Live is a key that has not ended.
func (s *State) Live(name string) (Key, bool) {
	key, there := s.Keys[name]
	return key, there && time.Now().Before(key.Ends)
}

// RW is the read-write lock whose writer has this key.
func (s *State) RW(key string) *RW {
	l := s.RWs[key]
	if l == nil {
		l = new(RW)
		l.Clear()
		s.RWs[key] = l
	}
	return l
}

// Occupy gives slots to a token, for an hour.
func (s *State) Occupy(token string, slots ...int) {
	s.Permits[token] = Permit{slots, time.Now().Add(time.Hour)}
}
