package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Panel is one diagram.
type Panel struct {
	Title string
	Lines []Line
}

// Line is a set of waits, in nanoseconds. Lines of the same name look the same
// in all panels.
type Line struct {
	Name   string
	Waits  []float64
	Failed int // waits that ended without the lock: the line ends below the top
}

// The size of a panel and of the margins around it.
const (
	width, height           = 640, 250
	left, right, top, below = 72, 20, 40, 60

	fontSize = 13
	ink      = "#7d8590" // readable on white and on black
)

// axis maps times to places: whole powers of ten from low to high.
type axis struct{ low, high float64 }

// axisOf is long enough for all lines.
func axisOf(panels []Panel) axis {
	a := axis{math.Inf(1), math.Inf(-1)}
	for _, panel := range panels {
		for _, line := range panel.Lines {
			for _, wait := range line.Waits {
				a.low = min(a.low, decade(wait))
				a.high = max(a.high, decade(wait))
			}
		}
	}
	if a.low > a.high {
		return axis{5, 8}
	}
	return axis{math.Floor(a.low), math.Max(math.Ceil(a.high), math.Floor(a.low)+1)}
}

// decade is the power of ten of a wait. What is shorter than a microsecond is
// drawn as one.
func decade(wait float64) float64 { return math.Log10(max(wait, 1e3)) }

func (a axis) x(wait float64) float64 {
	share := (decade(wait) - a.low) / (a.high - a.low)
	return left + share*(width-left-right)
}

func y(share float64) float64 { return top + (1-share)*(height-top-below) }

// draw writes a panel with its upper edge at offset.
func (p Panel) draw(text *strings.Builder, a axis, styles map[string]style, offset float64) {
	fmt.Fprintf(text, `<g transform="translate(0 %.0f)">`+"\n", offset)
	fmt.Fprintf(text, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", left, top-14, escape(p.title()))
	a.draw(text)
	for _, line := range p.Lines {
		line.draw(text, a, styles[line.Name])
	}
	text.WriteString("</g>\n")
}

// title is the panel's, with a capital letter.
func (p Panel) title() string {
	if p.Title == "" {
		return ""
	}
	return strings.ToUpper(p.Title[:1]) + p.Title[1:]
}

// draw writes both axes and their titles.
func (a axis) draw(text *strings.Builder) {
	fmt.Fprintf(text, `<text x="%.1f" y="%.1f" text-anchor="middle">waiting time (logarithmic scale)</text>`+"\n",
		(left+width-right)/2.0, y(0)+38)
	fmt.Fprintf(text, `<text transform="translate(12 %.1f) rotate(-90)" text-anchor="middle">waits that have ended</text>`+"\n", y(0.5))
	for power := a.low; power <= a.high; power++ {
		x := a.x(math.Pow(10, power))
		rule(text, x, y(0), x, y(1))
		fmt.Fprintf(text, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
			x, y(0)+18, time.Duration(math.Pow(10, power)))
	}
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 1} {
		rule(text, left, y(share), width-right, y(share))
		fmt.Fprintf(text, `<text x="%d" y="%.1f" text-anchor="end">%.0f %%</text>`+"\n",
			left-8, y(share)+fontSize/3, 100*share)
	}
}

func rule(text *strings.Builder, x1, y1, x2, y2 float64) {
	fmt.Fprintf(text, `<path d="M%.1f %.1fL%.1f %.1f" stroke="%s" stroke-opacity="0.35"/>`+"\n", x1, y1, x2, y2, ink)
}

// steps is how finely a line is drawn: so many shares between 0 and 1.
const steps = 200

// draw writes a line through its quantiles, with a dot at the longest wait. Shares are
// of all waits, also of those that failed.
func (l Line) draw(text *strings.Builder, a axis, s style) {
	if len(l.Waits) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(l.Waits))
	ended := float64(len(sorted)) / float64(len(sorted)+l.Failed)
	var path strings.Builder
	for i := range steps + 1 {
		share := float64(i) / steps
		wait := sorted[int(share*float64(len(sorted)-1))]
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], a.x(wait), y(ended*share))
	}
	fmt.Fprintf(text, `<path d="%s" %s><title>%s</title></path>`+"\n", path.String(), s.stroke(), escape(l.Name))
	fmt.Fprintf(text, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", a.x(sorted[len(sorted)-1]), y(ended), s.colour)
}
