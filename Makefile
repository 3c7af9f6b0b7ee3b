# Short names for steps of .ci/run, which say what they do. There is nothing else here.
.DEFAULT_GOAL := all

.PHONY: all format tidy lint golangci test embedded containers interop fuzz model simulation soak quickstart

all:        ; .ci/run
format:     ; .ci/run format
tidy:       ; .ci/run tidy
lint:       ; .ci/run format lint
golangci:   ; .ci/run golangci
test:       ; .ci/run test_process engine
embedded:   ; .ci/run test_embedded
containers: ; .ci/run test_docker
interop:    ; .ci/run interop
fuzz:       ; .ci/run fuzz
model:      ; .ci/run model
simulation: ; .ci/run simulation
soak:       ; .ci/run soak
quickstart: ; .ci/run quickstart
