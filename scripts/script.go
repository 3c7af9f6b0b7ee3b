// Package scripts holds every server-side step of Holdfast: one .lua file a
// script, embedded in the binary, and nothing else that runs on a server.
//
// Every script follows the same rules, so that its safety can be read off the
// file alone:
//
//   - It is atomic: Redis runs a script without interleaving another command.
//   - Every key it touches is in KEYS and in one hash slot.
//   - Time is the server's, never the client's; lifetimes are in milliseconds.
//   - No key is left without an expiry: a lifetime that a key cannot have is an
//     error before the first write.
//   - What is held is renewed, passed on and given back on a server that is full
//     (maxmemory with noeviction). Redis looks for memory until a script's first
//     write, so a script that has to ZADD or SET for a holder runs a write before it
//     that needs none. What is not held yet is refused there with OOM.
//   - It acts only on the token it was given, so running it late or twice can
//     only touch what that token owns.
//
// The header of each file lists KEYS, ARGV with units and every return value.
package scripts

import (
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"fmt"
)

//go:embed *.lua
var sources embed.FS

// Script is one server-side step. It is immutable and safe for concurrent use.
type Script struct {
	name   string
	source string
	sha1   string
	word   any // sha1, converted once
}

// Name is the script's file name without its ending, for error texts and traces.
func (s *Script) Name() string { return s.name }

// Source is the Lua text, as sent by EVAL and SCRIPT LOAD.
func (s *Script) Source() string { return s.source }

// SHA1 is the hexadecimal digest of Source, the name EVALSHA knows it by.
func (s *Script) SHA1() string { return s.sha1 }

// SHA1Word is SHA1 as the word of a command, without an allocation.
func (s *Script) SHA1Word() any { return s.word }

// All lists every script of the package, in no particular order.
func All() []*Script { return append([]*Script(nil), all...) }

var all []*Script

// load reads an embedded script, which is the files called names one after the
// other, and is called as the last of them.
func load(names ...string) *Script {
	return made(names[len(names)-1], read(names...))
}

// read returns the files called names one after the other. A missing file is a
// fault of the build, found by the first import, so it panics.
func read(names ...string) string {
	var source []byte
	for _, name := range names {
		part, err := sources.ReadFile(name + ".lua")
		if err != nil {
			panic(fmt.Sprintf("scripts: %v", err))
		}
		source = append(source, part...)
	}
	return string(source)
}

func made(name, source string) *Script {
	sum := sha1.Sum([]byte(source))
	digest := hex.EncodeToString(sum[:])
	s := &Script{name: name, source: source, sha1: digest, word: digest}
	all = append(all, s)
	return s
}
