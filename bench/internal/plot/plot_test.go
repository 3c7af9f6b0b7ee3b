package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	ms  = 1e6
	sec = 1e9
)

func sample() []Panel {
	return []Panel{
		{Title: "a < b & c", Lines: []Line{{Name: "us", Waits: []float64{1 * ms, 2 * ms, 3 * ms}}, {Name: "none"}}},
		{Title: "second", Lines: []Line{{Name: "them", Waits: []float64{0, 2 * sec}}, {Name: "us", Waits: []float64{5 * ms}}}},
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	for _, panels := range [][]Panel{nil, sample()} {
		decoder := xml.NewDecoder(strings.NewReader(string(SVG(panels))))
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
		}
	}
}

func TestSVGNamesEverybodyOnce(t *testing.T) {
	text := string(SVG(sample()))
	for _, part := range []string{">A &lt; b &amp; c</text>", ">Second</text>", ">1ms</text>", ">10s</text>"} {
		require.Contains(t, text, part)
	}
	require.Equal(t, 1, strings.Count(text, ">us</text>"), "one legend")
	require.Equal(t, 3, strings.Count(text, "<circle"), "a line without waits is not drawn")
}

func TestNamesLookTheSameInAllPanels(t *testing.T) {
	names, styles := looks(sample())
	require.Equal(t, []string{"us", "none", "them"}, names)
	require.NotEqual(t, styles["us"], styles["them"])
}

// A line begins at the shortest wait and ends at the longest.
func TestLineSpansItsWaits(t *testing.T) {
	a := axis{6, 8}
	require.InDelta(t, left, a.x(1*ms), 1e-9)
	require.InDelta(t, width-right, a.x(100*ms), 1e-9)
	require.InDelta(t, (left+width-right)/2.0, a.x(10*ms), 1e-9)

	var text strings.Builder
	Line{Name: "us", Waits: []float64{100 * ms, 1 * ms, 10 * ms}}.draw(&text, a, palette[0])
	require.Contains(t, text.String(), `d="M72.0 190.0L`)
	require.Contains(t, text.String(), `L620.0 40.0"`)
}

func TestAxesHaveTitles(t *testing.T) {
	text := string(SVG(sample()))
	for _, title := range []string{">waiting time (logarithmic scale)</text>", ">waits that have ended</text>"} {
		require.Equal(t, len(sample()), strings.Count(text, title), "one in each panel")
	}
}

// A line with failed waits ends at the share of the others.
func TestLineEndsBelowFailedWaits(t *testing.T) {
	var text strings.Builder
	Line{Name: "us", Waits: []float64{1 * ms, 100 * ms}, Failed: 2}.draw(&text, axis{6, 8}, palette[0])
	require.Contains(t, text.String(), `L620.0 115.0"`, "half way up")
	require.Contains(t, text.String(), `<circle cx="620.0" cy="115.0"`)
}

func TestAxisHoldsEverything(t *testing.T) {
	require.Equal(t, axis{3, 10}, axisOf(sample()), "from a microsecond to ten seconds")
	require.Equal(t, axis{6, 7}, axisOf([]Panel{{Lines: []Line{{Waits: []float64{1 * ms}}}}}))
}
