package main

import "fmt"

// account is the resource that the lock is there for. A database would keep the
// fence in the row, and compare and write in one statement:
//
//	UPDATE account SET balance = $1, fence = $2 WHERE id = 7 AND fence <= $2
type account struct {
	checks  bool // refuses writes that come too late
	balance int
	fence   int64 // the largest that it has seen
}

// write sets the balance, unless the writer's fencing token is smaller than one
// that was seen before: its lease has ended, and another process has the lock.
func (a *account) write(balance int, fence int64) error {
	if a.checks && fence < a.fence {
		return fmt.Errorf("its token %d is smaller than %d", fence, a.fence)
	}
	a.balance, a.fence = balance, max(a.fence, fence)
	return nil
}
