package report

// Verdict compares a measured value with the bar that was set for it.
type Verdict struct {
	Bar      string // what must be reached
	Measured string
	Met      bool
}

// Verdicts is a table of them.
func Verdicts(verdicts []Verdict) *Table {
	table := &Table{Columns: []string{"must be reached", "measured", "verdict"}}
	for _, v := range verdicts {
		table.Add(v.Bar, v.Measured, v.word())
	}
	return table
}

func (v Verdict) word() string {
	if v.Met {
		return "ok"
	}
	return "**MISSED**"
}

// Missed counts the verdicts that are not met.
func Missed(verdicts []Verdict) (n int) {
	for _, v := range verdicts {
		if !v.Met {
			n++
		}
	}
	return n
}
