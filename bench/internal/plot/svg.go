package plot

import (
	"fmt"
	"strings"
)

// style is what a line looks like. Lines differ in more than colour.
type style struct {
	colour string
	dashes string
}

var palette = []style{
	{"#7d8590", "2 3"},
	{"#2f81f7", ""},
	{"#e5534b", "9 4"},
	{"#3fa34d", "9 3 2 3"},
	{"#a371f7", "5 3"},
	{"#c98a1b", "1 3"},
}

func (s style) stroke() string {
	return fmt.Sprintf(`fill="none" stroke="%s" stroke-width="2.2" stroke-dasharray="%s"`, s.colour, s.dashes)
}

// legend is the height of the part above the panels.
const legend = 62

// SVG draws the panels one below the other, on one axis, with one legend. Names
// get their looks in the order in which they first occur.
func SVG(panels []Panel) []byte {
	names, styles := looks(panels)
	total := legend + height*len(panels)
	var text strings.Builder
	fmt.Fprintf(&text, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
		`font-family="sans-serif" font-size="%d" fill="%s">`+"\n", width, total, width, total, fontSize, ink)
	fmt.Fprintf(&text, `<text x="%d" y="16">Share of the waits that had ended after a time. A line further left is better.</text>`+"\n", left)
	fmt.Fprintf(&text, `<text x="%d" y="34">The dot is the longest wait. It lies below 100 %% where callers failed.</text>`+"\n", left)
	drawLegend(&text, names, styles)
	a := axisOf(panels)
	for i, panel := range panels {
		panel.draw(&text, a, styles, float64(legend+i*height))
	}
	text.WriteString("</svg>\n")
	return []byte(text.String())
}

// looks gives every name a style.
func looks(panels []Panel) (names []string, styles map[string]style) {
	styles = make(map[string]style)
	for _, panel := range panels {
		for _, line := range panel.Lines {
			if _, known := styles[line.Name]; !known {
				styles[line.Name] = palette[len(names)%len(palette)]
				names = append(names, line.Name)
			}
		}
	}
	return names, styles
}

func drawLegend(text *strings.Builder, names []string, styles map[string]style) {
	place := (width - left - right) / max(1, len(names))
	for i, name := range names {
		x := left + i*place
		fmt.Fprintf(text, `<path d="M%d 51h24" %s/>`+"\n", x, styles[name].stroke())
		fmt.Fprintf(text, `<text x="%d" y="55">%s</text>`+"\n", x+30, escape(name))
	}
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
