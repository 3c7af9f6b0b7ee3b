package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSplitImage(t *testing.T) {
	for image, want := range map[string][2]string{
		"":                        {"redis", "7.4-alpine"},
		"valkey/valkey:8":         {"valkey/valkey", "8"},
		"host:5000/a/redis:7":     {"host:5000/a/redis", "7"},
		"host:5000/redis":         {"host:5000/redis", "latest"},
		"holdfast/redis":          {"holdfast/redis", "latest"},
		"holdfast/redis:local":    {"holdfast/redis", "local"},
		"registry.example/r:t-1a": {"registry.example/r", "t-1a"},
	} {
		repository, tag := splitImage(image)
		assert.Equal(t, want, [2]string{repository, tag}, image)
	}
}

func TestEngineHost(t *testing.T) {
	for endpoint, want := range map[string]string{
		"unix:///var/run/docker.sock": "127.0.0.1",
		"npipe:////./pipe/docker":     "127.0.0.1",
		"tcp://engine:2375":           "engine",
		"http://10.1.2.3:2375":        "10.1.2.3",
	} {
		host, _ := engineHost(endpoint)
		assert.Equal(t, want, host, endpoint)
	}
}
