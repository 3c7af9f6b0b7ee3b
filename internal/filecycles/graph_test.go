package filecycles

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// graph has, by node, the nodes that it uses.
type graph map[string]map[string]bool

// node adds a node that uses nothing yet.
func (g graph) node(name string) {
	if g[name] == nil {
		g[name] = make(map[string]bool)
	}
}

func (g graph) edge(from, to string) {
	g.node(from)
	g.node(to)
	g[from][to] = true
}

// cycles are the largest sets of nodes that reach each other, of at least two, or of one
// that uses itself. The largest is first, and each is sorted.
func (g graph) cycles() [][]string {
	reached := make(map[string]map[string]bool)
	for name := range g {
		reached[name] = g.reach(name)
	}
	var cycles [][]string
	for name := range g {
		var cycle []string
		for other := range reached[name] {
			if reached[other][name] {
				cycle = append(cycle, other)
			}
		}
		slices.Sort(cycle)
		if len(cycle) > 0 && cycle[0] == name { // once, not for each of its nodes
			cycles = append(cycles, cycle)
		}
	}
	slices.SortFunc(cycles, func(a, b []string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return slices.Compare(a, b)
	})
	return cycles
}

// reach is what a node uses, itself or through others.
func (g graph) reach(from string) map[string]bool {
	reached := make(map[string]bool)
	next := []string{from}
	for len(next) > 0 {
		last := next[len(next)-1]
		next = next[:len(next)-1]
		for to := range g[last] {
			if !reached[to] {
				reached[to] = true
				next = append(next, to)
			}
		}
	}
	return reached
}

func TestCycles(t *testing.T) {
	g := make(graph)
	for _, edge := range []string{"ab", "bc", "ca", "cd", "de", "ed", "ef", "gg", "hf"} {
		g.edge(edge[:1], edge[1:])
	}
	require.Equal(t, [][]string{{"a", "b", "c"}, {"d", "e"}, {"g"}}, g.cycles())
	require.Empty(t, graph{}.cycles())
}
