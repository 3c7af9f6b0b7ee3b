package redlock

import "context"

// check asks whether a majority still has the token. The clocks are asked too,
// before and after: a hold whose validity has ended is not valid, whatever the
// nodes say.
func (h holder) check(ctx context.Context) (bool, []error) {
	if h.over() {
		return false, h.expired()
	}
	call := h.spec.checkCall(h.hold)
	r := newRound(ctx, h.hold, &call, toCheck)
	h.muteRepaired(r)
	if !r.run(ctx) {
		h.deny(r)
		return false, r.causes()
	}
	if h.over() {
		return false, h.expired()
	}
	if h.beyondRecall() {
		return false, []error{h.lossOf()}
	}
	return true, nil
}

// over reports that the hold's validity has ended by either clock.
func (h *hold) over() bool { return h.validity().ended(h.spec.engine.now()) }
