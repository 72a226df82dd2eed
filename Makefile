# Everything that Foldline's people do with it. `make help` lists it.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO_DENY_VERSION := 0.20.2
LARGE ?= 1000000
SEEDS ?= 1000
SEED ?=
FAULT ?=
REAL ?= 1

.PHONY: help run up down test simulate bench check fmt clippy deny doc tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Serve the example domains in one process on SQLite (http://127.0.0.1:8080)
	cargo run --release -p foldline -- run

up: ## Start Kafka, a CQL database and the three services (Docker Compose, else natively)
	@infra/up

down: ## Stop what `make up` started
	@infra/down

test: tools ## Run every test, with real Kafka, Cassandra, processes and a real browser
	@infra/test

simulate: ## Simulate SEEDS runs on a bad log and store, and find every planted bug (SEED=n: tell one)
	@cargo run --quiet --profile simulate -p foldline-tests --features simulation --bin simulate -- \
	  $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(if $(FAULT),--fault $(FAULT))

bench: ## Measure against raw limits of the same run (LARGE=0, REAL=0 leave the large part, the real parts out)
	cargo build --release --quiet -p foldline -p foldline-command-api -p foldline-projector -p foldline-query-api \
	  --features foldline/kafka,foldline/cql
	$${CARGO_TARGET_DIR:-target}/release/foldline bench --large $(LARGE)
	@[ "$(REAL)" = 0 ] || infra/bench

check: fmt clippy deny doc ## Formatting, lints, licences and sources of dependencies, documentation

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --all-features -- -D warnings

deny:
	@cargo deny --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-deny@$(CARGO_DENY_VERSION)
	cargo deny --all-features check bans licenses sources

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --quiet

# The browser that the test of the API page drives. Installed where apt-get is there, else named.
tools:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else \
	    echo "make test needs Chromium (the test of /docs): install the package 'chromium'" >&2; exit 1; \
	  fi; }
