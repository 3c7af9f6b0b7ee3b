package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// place is a package or a page.
type place struct {
	name  string // the folder or the file, as seen from the root
	texts []text
	intro int // of a package: how many of the texts are the comment on it; of a page: all
}

// overview are the texts of a page, or of the comment on a package.
func (p place) overview() []text { return p.texts[:p.intro] }

// text is a paragraph, a heading, an item of a list or a cell of a table, without code.
type text struct {
	at string // file:line
	s  string
}

// readPlaces reads the packages and the pages.
func readPlaces(root string) ([]place, error) {
	places, err := readPackages(root)
	pages, pagesErr := readPages(root)
	if err := errors.Join(err, pagesErr); err != nil {
		return nil, err
	}
	return append(places, pages...), nil
}

// readPages reads README.md and docs/*.md.
func readPages(root string) ([]place, error) {
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	if len(docs) == 0 {
		return nil, fmt.Errorf("no pages below %s", filepath.Join(root, "docs"))
	}
	var places []place
	for _, file := range append([]string{filepath.Join(root, "README.md")}, docs...) {
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return nil, err
		}
		name = filepath.ToSlash(name)
		texts := markdown(name, string(source))
		places = append(places, place{name, texts, len(texts)})
	}
	return places, nil
}
