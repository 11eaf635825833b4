# `make` alone lists the commands. They need rustup, python3 and a C compiler and, for the tests, curl and Chromium (all
# Debian packages but rustup); everything else is installed into this folder.

SHELL := /bin/sh
PYTHON := .venv/bin/python
STACK := $(PYTHON) infra/local/stack.py --
# `make run` on a terminal, ended with Ctrl-C.
RUN_AND_CTRL_C := $(PYTHON) tests/src/harness/command/pty_driver.py "[[\"Ctrl-C takes everything down\", \"\\u0003\"]]" target/debug/demo
WITH_TOOLS := PATH="$(CURDIR)/.venv/lambda/bin:$(CURDIR)/.venv/bin:$$PATH"
# Wraps commands that may print nothing for a while.
STEP := python3 infra/local/step.py
CARGO_DENY := .venv/cargo/bin/cargo-deny
# The tests on the stack spend most of their time waiting, so that more threads than cores pay off.
THREADS := 8
# The template after the SAM transform, as CloudFormation gets it.
TRANSFORMED := target/transformed
ARCHITECTURE ?= arm64
# What is built, how, and where; the paths may contain spaces. `make upgrade-test` also builds an earlier commit, both
# without optimisation.
SOURCE := $(CURDIR)
PROFILE := release
FUNCTIONS := $(CURDIR)/target/lambda
# The file and the section in which `sam deploy --guided` saves its answers.
SAMCONFIG ?= $(CURDIR)/infra/samconfig.toml
CONFIG_ENV ?= default
# The commit that `make upgrade-test` upgrades from.
FROM := HEAD^
# Options of `make bench`: the number of rounds, the number of calls to each process, parts of the operations' names, and
# a commit to compare with.
ROUNDS := 20
CALLS := 50
ONLY :=
COMPARE :=
RUST_TARGET := $(if $(filter arm64,$(ARCHITECTURE)),aarch64,$(ARCHITECTURE))-unknown-linux-gnu
export SAM_CLI_TELEMETRY := 0
# The commands below expect the binaries there.
export CARGO_TARGET_DIR := $(CURDIR)/target

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-13s  %s\n", $$1, $$2}'

.PHONY: run
run: local ## start the whole stack on this machine and send messages through it, until Ctrl-C
	@$(STACK) target/debug/demo

.PHONY: watch
watch: setup-lambda local ## the same with `cargo lambda watch`, which rebuilds functions when their source changes
	@$(WITH_TOOLS) $(STACK) target/debug/demo --watch

.PHONY: test
test: check unit end-to-end ## all checks and tests

.PHONY: check
check: setup-tests ## formatting, lints, dependencies, rustdoc, template, OpenAPI document
	cargo fmt --all --check
	cargo fetch --locked
	$(CARGO_DENY) --locked check bans licenses sources
	@infra/local/advisories.sh $(CARGO_DENY)
	.venv/cargo/bin/cargo-shear --locked
	$(STEP) cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(STEP) cargo doc --workspace --no-deps --locked --document-private-items
	AWS_DEFAULT_REGION=eu-central-1 $(STEP) .venv/bin/sam validate --lint --template infra/template.yaml
	$(STEP) .venv/bin/cfn-lint infra/template.yaml
	@mkdir -p $(TRANSFORMED) && $(PYTHON) infra/local/transform.py > $(TRANSFORMED)/template.json
	CKV_SKIP_PACKAGE_UPDATE_CHECK=true $(STEP) .venv/checkov/bin/checkov --skip-download --quiet --compact \
	    --framework cloudformation --file infra/template.yaml $(TRANSFORMED)/template.json
	.venv/schemathesis/bin/openapi-spec-validator --schema 3.1 docs/openapi.yaml

.PHONY: unit
unit: setup ## tests that need no stack
	$(STEP) $(PYTHON) -m unittest discover --start-directory infra/local
	$(STEP) cargo test --locked --workspace --lib --bins --test documents --test genesys_cloud --test highlevel \
	    --test levels --test unexpected_values --test openapi --test template

.PHONY: end-to-end
end-to-end: setup-tests ## tests on the emulated stack and in a browser, and `make run` and `make watch` themselves
	@infra/local/system-packages.sh 'cc:gcc libc6-dev' curl:curl chromium:chromium chromedriver:chromium-driver
	$(STEP) cargo build --locked --workspace --all-targets
	$(STEP) cargo test --locked --workspace --test bench --test browser --test official-clients --bench parts
	@$(WITH_TOOLS) $(STACK) sh -ec '$(RUN_AND_CTRL_C); $(STEP) cargo test --locked --workspace --test crash; \
	    $(STEP) cargo test --locked --workspace --test end-to-end -- --test-threads $(THREADS)'
	@$(WITH_TOOLS) $(STEP) $(STACK) target/debug/demo --watch --once

.PHONY: build
build: setup-lambda ## build the functions for Lambda, optimised (ARCHITECTURE=arm64 or x86_64)
	@test -d "$$(rustc --print target-libdir --target $(RUST_TARGET))" || { \
	    echo "Rust cannot build for $(ARCHITECTURE) yet: rustup target add $(RUST_TARGET)" >&2; exit 1; }
	cd "$(SOURCE)" && $(WITH_TOOLS) cargo lambda build --profile $(PROFILE) --locked --target $(RUST_TARGET) \
	    --lambda-dir "$(FUNCTIONS)" $(addprefix --package ,$(shell cd "$(SOURCE)/functions" && ls))
	$(if $(filter dev,$(PROFILE)),strip "$(FUNCTIONS)"/*/bootstrap)

.PHONY: deploy
deploy: build ## build and deploy to AWS; asks for parameters the first time (CONFIG_ENV=staging: another stack)
	@$(PYTHON) infra/deploy.py --config-env "$(CONFIG_ENV)" --config-file "$(SAMCONFIG)" \
	    --template "$(SOURCE)/infra/template.yaml" --functions "$(FUNCTIONS)"

.PHONY: upgrade-test
upgrade-test: local ## `make deploy` on the emulated AWS, then an upgrade under load (FROM=HEAD^)
	@$(PYTHON) infra/local/upgrade_test.py "$(FROM)"

.PHONY: bench
bench: setup ## measure the functions' speed and size (COMPARE=<commit>, ROUNDS=20, CALLS=50, ONLY=<parts of names>)
	@# Apart: the bench's dependencies would add features to the functions' ones.
	$(STEP) cargo build --release --locked $(addprefix --package ,$(shell ls functions))
	$(STEP) cargo build --release --locked --package bench
	target/release/bench --rounds $(ROUNDS) --calls $(CALLS) --only "$(ONLY)" $(if $(COMPARE),--compare "$(COMPARE)")

.PHONY: bench-parts
bench-parts: setup ## measure the pure functions on a message's path
	cargo bench --locked --package bench --bench parts

.PHONY: fresh-check
fresh-check: ## `make run` and `make test` in a new clone of HEAD with an empty HOME; reports how long they take
	@python3 infra/local/fresh_check.py

.PHONY: release-check
release-check: fresh-check upgrade-test ## before a release: `make fresh-check`, `make upgrade-test`, the functions' sizes and the installation of the CLI
	$(MAKE) bench ROUNDS=1 CALLS=1
	cargo install --locked --path cli --root target/installed
	target/installed/bin/patchbay --version

.PHONY: clean
clean: ## remove everything that the other commands created
	rm -rf target .venv .tools

# --- prerequisites of the others ---

.PHONY: setup
setup:
	@infra/local/setup.sh

# The same with the tools that build for Lambda.
.PHONY: setup-lambda
setup-lambda:
	@infra/local/setup.sh lambda

# The same with everything that checks and tests need.
.PHONY: setup-tests
setup-tests:
	@infra/local/setup.sh cargo checkov genesys-cloud lambda node openapi schemathesis \
	    $(if $(shell command -v java),openapi-generator)

# One build of the whole workspace; the tests use the same.
.PHONY: local
local: setup
	@infra/local/system-packages.sh 'cc:gcc libc6-dev' strip:binutils
	$(STEP) cargo build --locked --workspace
