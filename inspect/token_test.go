package inspect_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/inspect"
)

func TestTokensNameOwnerAndTime(t *testing.T) {
	owner, since := inspect.ParseToken("01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff@pod-7@rack")
	assert.Equal(t, "pod-7@rack", owner)
	assert.Equal(t, time.UnixMilli(0x01990b3e5a7c), since)
	for _, foreign := range []string{"ZGVhZGJlZWZkZWFkYmVlZg==", "5b8f1c1e-9a3d-4c55-8d8e-0f2d6a7b9c10@x", "01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff-x", "x@y", ""} {
		owner, since := inspect.ParseToken(foreign)
		assert.Empty(t, owner, foreign)
		assert.Zero(t, since, foreign)
	}
}

func TestTicketsSayWhatTheyWaitFor(t *testing.T) {
	for id, want := range map[string]inspect.Waiter{
		"holdfast:abc|1f":         {Process: "holdfast:abc", Count: 1},
		"holdfast:abc|1f@pod:7":   {Process: "holdfast:abc", Count: 1, Owner: "pod:7"},
		"no channel":              {Process: "no channel", Count: 1},
		"":                        {Count: 1},
		"holdfast:abc|1f@x:y|z@w": {Process: "holdfast:abc", Count: 1, Owner: "x:y|z@w"},
	} {
		want.ID = id
		assert.Equal(t, want, inspect.ParseTicket(id, false))
	}
	for id, want := range map[string]inspect.Waiter{
		"holdfast:abc|1f:3:10":     {Process: "holdfast:abc", Count: 3, Limit: 10},
		"holdfast:abc|1f@a:b:3:10": {Process: "holdfast:abc", Count: 3, Limit: 10, Owner: "a:b"},
		"holdfast:abc|1f":          {Process: "holdfast:abc"},
		"holdfast:abc|1f:-3:10":    {Process: "holdfast:abc", Limit: 10},
	} {
		want.ID = id
		assert.Equal(t, want, inspect.ParseTicket(id, true))
	}
}
