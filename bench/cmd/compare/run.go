package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/plot"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/scenarios"
)

// modules are what the tables compare.
var modules = []string{
	"github.com/holdfast-go/holdfast",
	"github.com/redis/go-redis/v9",
	"github.com/gomodule/redigo",
	"github.com/go-redsync/redsync/v4",
	"github.com/bsm/redislock",
	"github.com/redis/rueidis",
}

// run measures, prints, and writes the page after a full run.
func run(f flags) error {
	chosen := choose(f)
	if len(chosen) == 0 {
		return errors.New("no scenario has such a name; there are " + names())
	}
	environment, err := environment()
	if err != nil {
		return err
	}
	sections, err := measureAll(chosen, scale(f))
	if err != nil {
		return err
	}
	verdicts := allVerdicts(sections)
	text := document(environment, sections, verdicts)
	fmt.Println(text)
	full := !f.quick && len(chosen) == len(scenarios.All())
	if full {
		if err := rewrite(f.page, text); err != nil {
			return err
		}
	}
	if err := draw(plotFolder(f, full), sections); err != nil {
		return err
	}
	return judge(f, verdicts)
}

// plotFolder is where the plots go: "" if nowhere.
func plotFolder(f flags, full bool) string {
	if f.plots == "" && full {
		return filepath.Dir(f.page)
	}
	return f.plots
}

// draw writes the plots of all sections that have panels.
func draw(folder string, sections []*report.Section) error {
	if folder == "" {
		return nil
	}
	for _, name := range plots(sections) {
		if err := os.WriteFile(filepath.Join(folder, name), plot.SVG(panels(sections, name)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// plots are the names of the files that show something.
func plots(sections []*report.Section) (names []string) {
	for _, section := range sections {
		if len(section.Panels) > 0 && !slices.Contains(names, section.Plot) {
			names = append(names, section.Plot)
		}
	}
	return names
}

func panels(sections []*report.Section, name string) (all []plot.Panel) {
	for _, section := range sections {
		if section.Plot == name {
			all = append(all, section.Panels...)
		}
	}
	return all
}

func choose(f flags) (chosen []scenarios.Scenario) {
	for _, scenario := range scenarios.All() {
		if f.only.MatchString(scenario.Name) {
			chosen = append(chosen, scenario)
		}
	}
	return chosen
}

func scale(f flags) scenarios.Scale {
	if f.quick {
		return scenarios.Quick()
	}
	if f.share < 1 {
		return scenarios.Full().Share(f.share)
	}
	return scenarios.Full()
}

func environment() (string, error) {
	started, err := nodes.Start(1)
	if err != nil {
		return "", err
	}
	defer nodes.StopAll(started)
	version, err := started[0].Version()
	return report.Environment(version, modules), err
}

func measureAll(chosen []scenarios.Scenario, scale scenarios.Scale) (sections []*report.Section, err error) {
	for _, scenario := range chosen {
		fmt.Fprintf(os.Stderr, "%s: %s\n", time.Now().Format(time.TimeOnly), scenario.Name)
		section, err := scenario.Run(scale)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", scenario.Name, err)
		}
		sections = append(sections, section)
	}
	return sections, nil
}

func allVerdicts(sections []*report.Section) (verdicts []report.Verdict) {
	for _, section := range sections {
		verdicts = append(verdicts, section.Verdicts...)
	}
	return verdicts
}

func document(environment string, sections []*report.Section, verdicts []report.Verdict) string {
	var text strings.Builder
	text.WriteString("### This run\n\n" + environment)
	for _, section := range sections {
		text.WriteString("\n" + section.Markdown())
	}
	for i, name := range plots(sections) {
		if i == 0 {
			text.WriteString("\n### Waiting times\n")
		}
		text.WriteString("\n![How the waiting times are distributed](" + name + ")\n")
	}
	text.WriteString("\n### What must be reached\n\n" + report.Verdicts(verdicts).Markdown())
	return text.String()
}

func rewrite(page, generated string) error {
	before, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	after, err := report.Replace(string(before), generated)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(after), 0o644)
}

func judge(f flags, verdicts []report.Verdict) error {
	if missed := report.Missed(verdicts); f.check && missed > 0 {
		return fmt.Errorf("%d of %d bars missed", missed, len(verdicts))
	}
	return nil
}
