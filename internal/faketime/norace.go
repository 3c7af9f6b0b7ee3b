//go:build !race

package faketime

const racing = false
