// Package modules checks that what lists the repository's modules lists all of them: .ci/run,
// which checks them, .github/dependabot.yml, which keeps them up to date, and VERSIONING.md,
// which says how those that users import are tagged. It also checks that the steps of .ci/run
// that the workflow, the Makefile and CONTRIBUTING.md call are there.
package modules
