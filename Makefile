# What is done with this project, in one word each; `make` alone lists them.

SCRIPTS := .ci/run $(shell find scripts base-layers benches -name '*.sh' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help quickstart parts test bench check apt fmt clippy doc deny shellcheck

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile

quickstart: ## Build an image of a real job, push it, run it
	@scripts/quickstart.sh

parts: ## Gather what the tests stand on: Debian packages, Flink, a Java base, jobs
	@scripts/parts.sh all

# Tests that start Java take turns by themselves, so all others may use every core.
test: parts ## Run all tests, also those against a real registry, podman and Flink
	@echo "test: cargo test, with a real registry, podman and Flink" >&2
	@cargo test --locked --no-fail-fast --features real-parts

bench: ## Measure beside other tools, and write benches/RESULTS.md
	@scripts/bench.sh

check: fmt clippy doc deny shellcheck ## Check format, lints, documentation, dependencies and scripts

apt:
	@scripts/parts.sh apt

fmt: ## Check the format
	@echo "check: cargo fmt" >&2
	@cargo fmt --check

clippy: ## Check the lints
	@echo "check: cargo clippy" >&2
	@cargo clippy --locked --quiet --all-targets --all-features -- -D warnings

doc: ## Check the documentation
	@echo "check: cargo doc" >&2
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --no-deps

deny: ## Check licences, sources and known vulnerabilities of the dependencies
	@echo "check: cargo deny" >&2
	@scripts/deny.sh

shellcheck: apt ## Check the shell scripts
	@echo "check: shellcheck" >&2
	@shellcheck $(SCRIPTS)
