package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// handling is how long a file takes to be read or rewritten, beside what the disk
// needs.
const handling = time.Millisecond

// catalog is a set of files that belong together: each says which version of the
// catalog it is a part of. Nothing but a lock keeps a reader from a set that is
// half of one version and half of the next.
type catalog struct {
	Dir   string
	Files int
}

func (c catalog) path(i int) string { return filepath.Join(c.Dir, "part-"+strconv.Itoa(i)) }

// write makes every file a part of a version, one after the other. When it fails
// or ctx ends, the files that it has reached are of the new version already.
func (c catalog) write(ctx context.Context, version int) error {
	for i := range c.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := os.WriteFile(c.path(i), fmt.Appendln(nil, version), 0o600); err != nil {
			return err
		}
		time.Sleep(handling)
	}
	return nil
}

// read returns the version of each file, 0 for one that is only being written.
func (c catalog) read(ctx context.Context) (edition, error) {
	versions := make(edition, c.Files)
	for i := range versions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		text, err := os.ReadFile(c.path(i))
		if err != nil {
			return nil, err
		}
		versions[i], _ = strconv.Atoi(strings.TrimSpace(string(text)))
		time.Sleep(handling)
	}
	return versions, nil
}

// edition is what a reader has found: the version of each file.
type edition []int

// is reports whether every file is of a version.
func (e edition) is(version int) bool {
	for _, v := range e {
		if v != version {
			return false
		}
	}
	return true
}

// torn reports whether the files are not all of one version, or one of them is
// not written yet.
func (e edition) torn() bool { return e[0] == 0 || !e.is(e[0]) }

// complaints is a file that lists torn reads, one in a line.
func (c catalog) complaints() string { return filepath.Join(c.Dir, "torn-reads") }

// complain adds a line to the complaints. Several processes may do so at once:
// each line is one write at the end of the file.
func (c catalog) complain(line string) error {
	file, err := os.OpenFile(c.complaints(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	_, err = fmt.Fprintln(file, line)
	return err
}

// complained returns the complaints.
func (c catalog) complained() (lines []string, err error) {
	text, err := os.ReadFile(c.complaints())
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	scanner := bufio.NewScanner(bytes.NewReader(text))
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines, scanner.Err()
}
