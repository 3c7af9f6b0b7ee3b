package main

// match reports whether a name matches a pattern of Redis: *, ?, [a-z], [^a] and \ before
// what stands for itself. The server has matched keys, which have more than the name.
func match(pattern, name string) bool {
	for pattern != "" {
		if pattern[0] == '*' {
			for from := 0; from <= len(name); from++ {
				if match(pattern[1:], name[from:]) {
					return true
				}
			}
			return false
		}
		if name == "" {
			return false
		}
		ok := false
		if ok, pattern = one(pattern, name[0]); !ok {
			return false
		}
		name = name[1:]
	}
	return name == ""
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
