package crew

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The words of a crew that works together, said by the member but for wordGo.
const (
	wordReady = "ready"
	wordPause = "pause"
	wordGo    = "go" // the answer to those above
	wordDone  = "done"
)

// Together runs every job in a process of its own. All begin at the same time,
// when the last is ready, and none ends before all are done, so that what a
// member still has to do in the background is not cut off. The members use
// [Join]. When one fails the others are killed and its error is returned.
func Together[J any](ctx context.Context, jobs []J, stderr io.Writer) error {
	return TogetherPausing(ctx, jobs, stderr, func(int) {})
}

// TogetherPausing is [Together] for members that pause at their work, by
// [Talk.Pause]: onPause is called with the number of the member, which waits for
// it to return. It must be safe for concurrent use.
func TogetherPausing[J any](ctx context.Context, jobs []J, stderr io.Writer, onPause func(member int)) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var crew []*Member
	for i, job := range jobs {
		m, err := Start(ctx, i+1, job, stderr)
		if err != nil {
			fail(err)
			break
		}
		crew = append(crew, m)
	}
	each(crew, fail, func(m *Member) error { return m.expect(wordReady) })
	each(crew, fail, func(m *Member) error { return m.answer(ctx, onPause) })
	each(crew, fail, (*Member).End)
	return context.Cause(ctx)
}

// each calls f for all members at the same time and passes on its errors.
func each(crew []*Member, fail context.CancelCauseFunc, f func(*Member) error) {
	var all sync.WaitGroup
	for _, m := range crew {
		all.Go(func() {
			if err := f(m); err != nil {
				fail(err)
			}
		})
	}
	all.Wait()
}

// answer lets a member that is ready begin, and waits until it is done.
func (m *Member) answer(ctx context.Context, onPause func(member int)) error {
	if ctx.Err() != nil {
		return nil // another one has failed: this one is being killed
	}
	for {
		_ = m.Say(wordGo) // a member that cannot read it has ended
		switch line, err := m.ReadLine(); {
		case err == nil && line == wordDone:
			return nil
		case err == nil && line == wordPause:
			onPause(m.Number)
		default:
			return m.never(wordDone)
		}
	}
}

// expect waits for a word.
func (m *Member) expect(word string) error {
	if line, err := m.ReadLine(); err == nil && line == word {
		return nil
	}
	return m.never(word)
}

// never is the error of a member that has not said a word. It says how the member
// ended.
func (m *Member) never(word string) error {
	return errors.Join(fmt.Errorf("worker %d was never %s", m.Number, word), m.End())
}

// Join is a member's part in [Together]: it does the work when all are ready, and
// returns when all are done.
func (t *Talk) Join(work func() error) error {
	if err := t.Say(wordReady); err != nil {
		return err
	}
	if word, err := t.ReadLine(); err != nil || word != wordGo {
		return fmt.Errorf("never asked to begin: %w", err)
	}
	if err := work(); err != nil {
		return err
	}
	if err := t.Say(wordDone); err != nil {
		return err
	}
	return t.AwaitEnd()
}

// Pause is for work in [TogetherPausing]: it returns when the work may go on, or
// with an error when nobody is there to say so.
func (t *Talk) Pause() error {
	if err := t.Say(wordPause); err != nil {
		return err
	}
	_, err := t.ReadLine()
	return err
}
