package quorum

// Voter is what a round knows of one node.
type Voter struct {
	Answer
	Asked      bool
	Joined     bool // is asked by another round's call
	Mute       bool // asked, but its vote does not count
	Background bool // had no answer yet when the round closed
	Spare      bool // was silent: not waited for as long as the others may be enough

	waited   bool // its vote may still come, and is waited for: counted in open
	late     bool // had no answer in time
	answered bool
}

// unsure reports that the node was asked and has given no certain answer: the driver may
// not be done yet.
func (v *Voter) unsure() bool { return v.Asked && !v.Certain() }

// count is the votes of a round, and what of them may still come. It asks no node.
type count struct {
	tally
	slots    []slot // one a node, of which only the voter counts
	majority int
	open     int // votes that may still come
	asked    int // nodes that are asked
	back     int // of these: calls that have ended
	joins    int // nodes that are asked by another round

	called bool // spares are waited for, as the others are too few
}

// init begins a count in which every node votes.
func (c *count) init(majority int) {
	c.majority = majority
	for i := range c.slots {
		c.slots[i].Asked, c.slots[i].waited = true, true
	}
	c.asked, c.open = len(c.slots), len(c.slots)
}

// Excuse does not ask node i, as its answer is known already. A vote that is known counts.
func (c *count) Excuse(i int, a Answer) {
	v := &c.slots[i].Voter
	if v.Asked {
		v.Asked = false
		c.asked--
	}
	c.await(v, false)
	v.Answer = a
	if a.Vote == Yes {
		c.add(&a)
	}
}

// Mute does not count node i's vote, if it is asked.
func (c *count) Mute(i int) {
	c.slots[i].Mute = true
	c.await(&c.slots[i].Voter, false)
}

// Join counts on node i's answer from a call under way there, whose end records it.
func (c *count) Join(i int) {
	c.Excuse(i, Answer{})
	c.slots[i].Joined = true
	c.joins++
	c.await(&c.slots[i].Voter, true)
}

// await has a node's vote be waited for, or not any more.
func (c *count) await(v *Voter, waited bool) {
	switch {
	case waited && !v.waited:
		c.open++
	case !waited && v.waited:
		c.open--
	}
	v.waited = waited
}

// record takes a node's answer, and reports whether it counts as a vote.
func (c *count) record(v *Voter) (counts bool) {
	c.await(v, false)
	if counts = v.Vote == Yes && !v.Mute; counts {
		c.add(&v.Answer)
	}
	return counts
}

// Majority is the number of votes that decide.
func (c *count) Majority() int { return c.majority }

// Joins reports that some nodes are asked by another round.
func (c *count) Joins() bool { return c.joins > 0 }

// Asks reports that node i is asked.
func (c *count) Asks(i int) bool { return c.slots[i].Asked }

func (c *count) wins() bool { return c.yes >= c.majority }

// hopeless reports that a majority is impossible.
func (c *count) hopeless() bool { return c.yes+c.open < c.majority }

// undetailed reports that too few have given details, and that enough may. It waits for no
// more nodes than a majority takes.
func (c *count) undetailed() bool {
	detailed := 0
	for i := range c.slots {
		if c.slots[i].Detail != nil {
			detailed++
		}
	}
	return detailed < c.majority && detailed+c.open >= c.majority
}

// contended reports that another client is in the way, or is asking at the same time, as
// nodes that disagree show.
func (c *count) contended() bool {
	return c.ballots != nil || c.any(func(v *Voter) bool { return v.Vote == Taken })
}

// any reports that what is known of a node is of some kind.
func (c *count) any(is func(*Voter) bool) bool {
	for i := range c.slots {
		if is(&c.slots[i].Voter) {
			return true
		}
	}
	return false
}

// spareSilent makes spares of silent nodes if a majority is left without them, of those
// whose votes count: so it comes after all else that prepares a round.
func (c *count) spareSilent(silent func(i int) bool) {
	spares := 0
	for i := range c.slots {
		if v := &c.slots[i].Voter; v.Asked && !v.Mute && silent(i) {
			v.Spare = true
			spares++
		}
	}
	if spares == 0 {
		return
	}
	enough := c.yes+c.open-spares >= c.majority
	for i := range c.slots {
		if v := &c.slots[i].Voter; v.Spare {
			v.Spare = enough
			c.await(v, !enough)
		}
	}
}

// callSpares waits for spares after all once the others are too few: that they were
// silent is old news, and they may well answer. It reports whether there are any.
func (c *count) callSpares() bool {
	if c.called || c.wins() || !c.hopeless() {
		return false
	}
	c.called = true
	c.awaitSpares(true)
	return !c.hopeless()
}

// awaitSpares has the spares be waited for that may still answer in time, or not any more.
func (c *count) awaitSpares(waited bool) {
	for i := range c.slots {
		if v := &c.slots[i].Voter; v.Spare && !v.answered && !v.late {
			c.await(v, waited)
		}
	}
}

// callOff asks no node.
func (c *count) callOff() {
	for i := range c.slots {
		if c.slots[i].Asked {
			c.Excuse(i, c.slots[i].Answer)
		}
	}
}

// close ends what is waited for.
func (c *count) close() {
	for i := range c.slots {
		v := &c.slots[i].Voter
		v.Background = v.Asked && !v.answered
	}
}
