package scripts

import (
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"fmt"
)

//go:embed *.lua
var sources embed.FS

// all are the scripts that were made, for tests.
var all []*Script

// load makes a script of embedded files, one after the other. It is called as the last
// of them.
func load(files ...string) *Script {
	return newScript(files[len(files)-1], read(files...))
}

// numbered makes a script that runs another one, and then sees to the lock's fencing counter,
// in one step: by fence_issue or fence_raise. So locks without fencing pay nothing for it. What
// the other one begins with is made only when it comes to that.
func numbered(name, by string, other ...string) *Script {
	return newScript(name, numberedSource(by, other...))
}

func numberedSource(by string, other ...string) string {
	return read("time_prelude", "fence_prelude") + "local function unfenced()\n" + read(other...) + "end\n" + read(by)
}

// read returns the files one after the other. A missing file is a fault of the build,
// found by the first import, so it panics.
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

func newScript(name, source string) *Script {
	sum := sha1.Sum([]byte(source))
	digest := hex.EncodeToString(sum[:])
	s := &Script{name: name, source: source, sha1: digest, word: digest}
	all = append(all, s)
	return s
}
