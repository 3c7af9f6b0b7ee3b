package redlock

import (
	"strconv"
	"strings"
)

// AuxKey is the key of something that belongs to the lock called name: of the
// form name{tag}kind, in the hash slot of name itself, so that a Cluster keeps
// all keys of a lock together, and under the same ACL pattern name*.
//
// The tag is name, which needs no search unless there are braces in it, or else
// the first of 0, 1, 2, … that leads to the right slot.
func AuxKey(name, kind string) string {
	want := keySlot(name)
	key := name + "{" + name + "}" + kind
	for i := 0; keySlot(key) != want; i++ {
		key = name + "{" + strconv.Itoa(i) + "}" + kind
	}
	return key
}

// keySlot is the Cluster's hash slot of a key: see "Hash tags" in the Redis
// Cluster specification.
func keySlot(key string) uint16 {
	if _, rest, found := strings.Cut(key, "{"); found {
		if tag, _, found := strings.Cut(rest, "}"); found && tag != "" {
			key = tag
		}
	}
	return crc16(key) % 16384
}

// crc16 is the XMODEM variant, as the specification names it.
func crc16(s string) uint16 {
	var crc uint16
	for i := range len(s) {
		crc ^= uint16(s[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
