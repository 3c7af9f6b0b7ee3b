// Package modules checks that what lists the repository's modules lists all of them:
// .ci/run, which checks them, and .github/dependabot.yml, which keeps them up to date.
package modules
