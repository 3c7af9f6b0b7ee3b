// Package golangci has no code: the go.mod beside it pins golangci-lint. It is here so that
// go build and go vet of ./... work in every module.
package golangci
