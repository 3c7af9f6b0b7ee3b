// Package scripts holds every script that Holdfast runs on a server: one .lua file per
// script, embedded in the binary. Scripts with fencing have no file: they are built of
// fence_prelude.lua and the script that they run.
//
// Every script follows the same rules, so that its safety can be read off the
// file alone:
//
//   - It is atomic: Redis runs a script without interleaving another command.
//   - Every key it touches is in KEYS and in one hash slot.
//   - Time is the server's, never the client's; lifetimes are in milliseconds.
//   - No key is left without an expiry: a lifetime that a key cannot have is an
//     error before the first write.
//   - A lease is renewed, passed on and released on a server that is full (maxmemory
//     with noeviction). Redis looks for memory until a script's first write, so a
//     script that has to ZADD or SET for a holder runs a write before it that needs
//     none. An acquire is refused there with OOM.
//   - A key of another kind is the error WRONGTYPE, before anything is written.
//   - It acts only on the token it was given, so running it late or twice can
//     only touch what that token owns.
//
// The header of each file lists KEYS, ARGV with units and every return value.
package scripts

// Script is one script. It is immutable and safe for concurrent use.
type Script struct {
	name   string
	source string
	sha1   string
	word   any // sha1, converted once
}

// Name is the script's file name without its ending, such as mutex_acquire, for error
// texts and traces.
func (s *Script) Name() string { return s.name }

// Source is the Lua text, as sent by EVAL and SCRIPT LOAD.
func (s *Script) Source() string { return s.source }

// SHA1 is the hexadecimal digest of Source, the name EVALSHA knows it by.
func (s *Script) SHA1() string { return s.sha1 }

// SHA1Word is SHA1 as the word of a command, without an allocation.
func (s *Script) SHA1Word() any { return s.word }
