package quorum

// tally counts the votes that agree.
type tally struct {
	yes     int            // votes that agree
	agreed  string         // what they have chosen
	ballots map[string]int // where nodes disagree: how many chose what

	// number is the largest number that came with a vote, and said is how many votes
	// came with just that one.
	number int64
	said   int
}

// add counts a yes. Where nodes choose, votes agree that have chosen the same, which takes
// no ballots as long as they all have.
func (t *tally) add(a *Answer) {
	if t.ballots == nil && (t.yes == 0 || a.Choice == t.agreed) {
		t.yes, t.agreed = t.yes+1, a.Choice
	} else {
		t.elect(a.Choice)
	}
	switch {
	case a.Number > t.number:
		t.number, t.said = a.Number, 1
	case a.Number == t.number:
		t.said++
	}
}

// elect counts a yes where nodes disagree.
func (t *tally) elect(choice string) {
	if t.ballots == nil {
		t.ballots = map[string]int{t.agreed: t.yes}
	}
	t.ballots[choice]++
	if n := t.ballots[choice]; n > t.yes {
		t.yes, t.agreed = n, choice
	}
}

// Differs reports a yes that has chosen something else than what was agreed on.
func (t *tally) Differs(a *Answer) bool { return a.Choice != "" && a.Choice != t.agreed }
