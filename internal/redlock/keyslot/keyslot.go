// Package keyslot names a lock's auxiliary keys so that a Redis Cluster keeps all keys of
// the lock on one node. It knows the Cluster's hash slots, and asks no server.
package keyslot

import (
	"strconv"
	"strings"
)

// Aux returns the key of something that belongs to the lock called name: of the
// form name{tag}kind, in the hash slot of name itself, so that a Cluster keeps
// all keys of a lock together, and under the same ACL pattern name*.
//
// The tag is name, which needs no search unless there are braces in it, or else
// the first of 0, 1, 2, … that leads to the right slot.
func Aux(name, kind string) string {
	key := name + "{" + name + "}" + kind
	if name != "" && !strings.ContainsAny(name, "{}") || Of(key) == Of(name) {
		return key
	}
	return name + "{" + numberFor(name, kind) + "}" + kind
}

// numberFor is the first of 0, 1, 2, … with which name{number}kind is in the slot of
// name. A search takes some 16,000 tries, and names may be long: what is hashed before
// the number is hashed once.
func numberFor(name, kind string) string {
	want := Of(name)
	before, after := name+"{", "}"+kind
	start, end := hashed(before + "0" + after)
	head := crc16(0, before[start:])
	tail := after[:end-len(before)-1]
	var digits [20]byte
	for i := int64(0); ; i++ {
		number := strconv.AppendInt(digits[:0], i, 10)
		if slotOf(crc16(crc16(head, number), tail)) == want {
			return string(number)
		}
	}
}

// Of returns the Cluster's hash slot of a key.
func Of(key string) uint16 {
	start, end := hashed(key)
	return slotOf(crc16(0, key[start:end]))
}

func slotOf(crc uint16) uint16 { return crc % 16384 }

// hashed is the part of a key that decides its slot, from start up to end: see "Hash
// tags" in the Redis Cluster specification.
func hashed(key string) (start, end int) {
	if opened := strings.IndexByte(key, '{'); opened >= 0 {
		if size := strings.IndexByte(key[opened+1:], '}'); size > 0 {
			return opened + 1, opened + 1 + size
		}
	}
	return 0, len(key)
}

// crc16 goes on from crc, which is 0 at the beginning, over s. It is the XMODEM variant,
// as the specification names it.
func crc16[S string | []byte](crc uint16, s S) uint16 {
	for i := range len(s) {
		crc = crc<<8 ^ crcOfByte[byte(crc>>8)^s[i]]
	}
	return crc
}

// crcOfByte is what each first byte makes of a crc16.
var crcOfByte = func() (table [256]uint16) {
	for b := range table {
		crc := uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		table[b] = crc
	}
	return table
}()
