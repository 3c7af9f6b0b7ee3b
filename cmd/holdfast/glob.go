package main

// match reports whether a name matches a pattern of Redis: *, ?, [a-z], [^a] and \ before
// what stands for itself. The server has matched keys, which have more than the name.
//
// Where it fails behind a *, that * takes one byte more. Those before it need not: whatever
// they would take, this one can. So it needs len(pattern) × len(name) steps at most.
func match(pattern, name string) bool {
	behind, from, starred := "", "", false // the pattern behind the last *, and where it was tried
	for {
		if pattern != "" && pattern[0] == '*' {
			pattern = pattern[1:]
			behind, from, starred = pattern, name, true
			continue
		}
		if pattern == "" && name == "" {
			return true
		}
		if pattern != "" && name != "" {
			if ok, rest := one(pattern, name[0]); ok {
				pattern, name = rest, name[1:]
				continue
			}
		}
		if !starred || from == "" {
			return false
		}
		from = from[1:]
		pattern, name = behind, from
	}
}

// one matches a byte with the first element of a pattern, and returns the rest of that.
func one(pattern string, b byte) (ok bool, rest string) {
	switch {
	case pattern[0] == '?':
		return true, pattern[1:]
	case pattern[0] == '[':
		return class(pattern[1:], b)
	case pattern[0] == '\\' && len(pattern) > 1:
		pattern = pattern[1:]
	}
	return pattern[0] == b, pattern[1:]
}

// class matches a byte with what is between brackets. One that is not closed goes to the
// pattern's end.
func class(pattern string, b byte) (ok bool, rest string) {
	negated := pattern != "" && pattern[0] == '^'
	if negated {
		pattern = pattern[1:]
	}
	for pattern != "" && pattern[0] != ']' {
		low := pattern[0]
		if low == '\\' && len(pattern) > 1 {
			pattern, low = pattern[1:], pattern[1]
		}
		high := low
		if len(pattern) > 2 && pattern[1] == '-' {
			high, pattern = pattern[2], pattern[2:]
		}
		ok = ok || min(low, high) <= b && b <= max(low, high)
		pattern = pattern[1:]
	}
	if pattern != "" {
		pattern = pattern[1:]
	}
	return ok != negated, pattern
}
