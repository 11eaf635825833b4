# `make` alone lists the commands. Each says first what it needs and this machine lacks; everything else is installed into
# this folder.

SHELL := /bin/sh
PYTHON := .venv/bin/python
STACK := $(PYTHON) infra/local/stack.py --
# What `make run` and `make watch` print; each needs a stack of its own.
PRINTED_COMMANDS := cargo test --locked --workspace --test printed_commands
WITH_TOOLS := PATH="$(CURDIR)/.venv/lambda/bin:$(CURDIR)/.venv/bin:$$PATH"
# Wraps commands that may print nothing for a while.
STEP := python3 infra/local/step.py
CARGO_DENY := .venv/cargo/bin/cargo-deny
# The tests on the stack spend much of their time waiting, so that more threads than cores pay off; with many more, a slow
# machine exceeds the time limits that the tests are about. Those that mostly wait, such as for a rotated secret to settle
# or for each other's failed messages, run beside the others.
THREADS := 4
WAITING_THREADS := 6
WAITING := cli::channels cli::dead_letters cli::failed cli::genesys_cloud_webhook_header cli::messages \
    cli::replacement_under_traffic cli::rotation docs::guides callers::deferred channels::reports pipeline::parking
# Under another name than MAKE, so that `make -n` does not run it.
SIDE_BY_SIDE = $(MAKE) --no-print-directory -j2
END_TO_END := cargo test --locked --workspace --test end-to-end --
# The template after the SAM transform, as CloudFormation gets it.
TRANSFORMED := target/transformed
ARCHITECTURE ?= arm64
# What is built, how, and where; the paths may contain spaces. `make upgrade-test` also builds an earlier commit, both
# without optimisation.
SOURCE := $(CURDIR)
PROFILE := release
FUNCTIONS := $(CURDIR)/target/lambda
PACKAGES := $(shell cd "$(SOURCE)/functions" && ls)
# The commit that functions, stack and command tell. Unknown without git, and for files that were extracted from a commit.
COMMIT = $(shell cd "$(SOURCE)" && git ls-files --error-unmatch Makefile >/dev/null 2>&1 && \
    git describe --always --abbrev=12 --dirty --exclude '*')
build deploy release release-command: export PATCHBAY_COMMIT ?= $(COMMIT)
deploy release: export PATCHBAY_REPOSITORY ?= $(REPOSITORY)
# The processors that `make release` builds for.
ARCHITECTURES := arm64 x86_64
# The file and the section in which `sam deploy --guided` saves its answers.
SAMCONFIG ?= $(CURDIR)/infra/samconfig.toml
CONFIG_ENV ?= default
# Not empty: the saved answers may belong to a stack that does not exist yet.
NEW_STACK :=
# The commit that `make upgrade-test` upgrades from.
FROM := HEAD^
# Options of `make bench`: the number of rounds, the number of calls to each process, parts of the operations' names, and
# a commit to compare with.
ROUNDS := 20
CALLS := 50
ONLY :=
COMPARE :=
# Where the sources can be read.
REPOSITORY ?= $(shell python3 "$(SOURCE)/infra/repository.py")
rust_target = $(if $(filter arm64,$(1)),aarch64,$(1))-unknown-linux-gnu
RUST_TARGET := $(call rust_target,$(ARCHITECTURE))
export SAM_CLI_TELEMETRY := 0
# Some environments turn off Python's cache of compiled modules, without which each tool compiles thousands of them at every start.
export PYTHONDONTWRITEBYTECODE :=
# The commands below expect the binaries there.
export CARGO_TARGET_DIR := $(CURDIR)/target

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-13s  %s\n", $$1, $$2}'

.PHONY: prerequisites
prerequisites: ## what running, testing and deploying need on this machine, and how to install what is missing
	@infra/local/prerequisites.sh $@ $(RUST_TARGETS)

.PHONY: run
run: needs-run local ## start the whole stack on this machine and send messages through it, until Ctrl-C
	@$(STACK) target/debug/demo

.PHONY: watch
watch: needs-watch setup-lambda local ## the same with `cargo lambda watch`, which rebuilds functions when their source changes
	@$(WITH_TOOLS) $(STACK) target/debug/demo --watch

.PHONY: test
test: needs-test check unit end-to-end ## all checks and tests

.PHONY: check
check: needs-check setup-tests ## formatting, lints, dependencies, rustdoc, template, OpenAPI document
	cargo fmt --all --check
	cargo fetch --locked
	$(CARGO_DENY) --locked check bans licenses sources
	@infra/local/advisories.sh $(CARGO_DENY)
	.venv/cargo/bin/cargo-shear --locked
	$(PYTHON) infra/release/notices.py
	.venv/audit/bin/actionlint
	.venv/audit/bin/zizmor --offline --quiet .github
	@infra/local/secrets.sh .venv/audit/bin/kingfisher .
	$(STEP) cargo clippy --workspace --all-targets --locked -- -D warnings
	@$(MAKE) --no-print-directory rustdoc TARGETS=--lib
	$(STEP) .venv/bin/cfn-lint infra/template.yaml infra/deployer.yaml
	@mkdir -p $(TRANSFORMED) && $(PYTHON) infra/local/transform.py > $(TRANSFORMED)/template.json
	CKV_SKIP_PACKAGE_UPDATE_CHECK=true $(STEP) .venv/checkov/bin/checkov --skip-download --quiet --compact \
	    --framework cloudformation --file infra/template.yaml $(TRANSFORMED)/template.json
	.venv/checkov/bin/python infra/local/check_examples.py $(TRANSFORMED)/template.json
	.venv/schemathesis/bin/openapi-spec-validator --schema 3.1 docs/openapi.yaml
	@$(MAKE) --no-print-directory docs

# For each crate, rustdoc reads all implementations in the AWS SDK: half a minute. So `make check` takes the libraries only.
.PHONY: rustdoc
rustdoc: needs-rustdoc ## document all crates, with private items; broken links are errors (TARGETS=--lib: only the libraries)
	RUSTDOCFLAGS="-D warnings" $(STEP) cargo doc --workspace --no-deps --locked --document-private-items $(TARGETS)

.PHONY: unit
unit: needs-unit setup ## tests that need no stack
	@infra/local/setup.sh audit
	$(STEP) $(PYTHON) -m unittest discover --start-directory infra/local
	$(STEP) cargo test --locked --workspace --lib --bins --test documents --test genesys_cloud --test highlevel \
	    --test levels --test unexpected_values --test openapi --test template

.PHONY: end-to-end
end-to-end: needs-end-to-end setup-tests ## tests on the emulated stack and in a browser, and `make run` and `make watch` themselves
	$(STEP) cargo build --locked --workspace --all-targets
	$(STEP) cargo test --locked --workspace --test bench --test browser --test official-clients --bench parts
	@$(WITH_TOOLS) $(STACK) sh -ec '$(STEP) $(PRINTED_COMMANDS) make_run; $(STEP) cargo test --locked --workspace --test crash --test both_sides; \
	    $(SIDE_BY_SIDE) tests-that-work tests-that-wait'
	@$(WITH_TOOLS) $(STEP) $(STACK) $(PRINTED_COMMANDS) make_watch

# On a running stack.
.PHONY: tests-that-work tests-that-wait
tests-that-work:
	@$(STEP) $(END_TO_END) --test-threads $(THREADS) $(addprefix --skip ,$(WAITING))

tests-that-wait:
	@$(STEP) $(END_TO_END) --test-threads $(WAITING_THREADS) $(WAITING)

.PHONY: build
build: needs-build setup-lambda ## build the functions for Lambda, optimised (ARCHITECTURE=arm64 or x86_64)
	@# The binary has no path of the machine that builds it, so that builds are reproducible.
	cd "$(SOURCE)" && $(WITH_TOOLS) CARGO_BUILD_RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=/cargo" \
	    cargo lambda build --profile $(PROFILE) --locked --target $(RUST_TARGET) \
	    --lambda-dir "$(FUNCTIONS)" $(addprefix --package ,$(PACKAGES))
	$(if $(filter dev,$(PROFILE)),strip "$(FUNCTIONS)"/*/bootstrap)

# What `make deploy` passes to both steps.
DEPLOY_OPTIONS = --config-env "$(CONFIG_ENV)" --config-file "$(SAMCONFIG)" --template "$(SOURCE)/infra/template.yaml"
.PHONY: deploy
deploy: needs-deploy setup ## build and deploy to AWS; asks for parameters the first time (CONFIG_ENV=staging: another stack)
	@$(PYTHON) infra/deploy.py check $(DEPLOY_OPTIONS) $(if $(NEW_STACK),--new-stack)
	@$(MAKE) --no-print-directory build
	@$(PYTHON) infra/deploy.py deploy $(DEPLOY_OPTIONS) --functions "$(FUNCTIONS)"

.PHONY: release
release: needs-release setup-lambda ## build what a release contains into target/dist (ARCHITECTURES=x86_64: not for arm64)
	@$(PYTHON) infra/release/release.py $(ARCHITECTURES)

.PHONY: release-command
release-command: needs-release-command ## the part of a release for macOS, built there: TARGET=aarch64-apple-darwin
	python3 infra/release/command.py "$(TARGET)" target/dist

.PHONY: release-test
release-test: needs-release-test local ## build a release twice and compare, deploy it on the emulated AWS, and send messages through it
	@$(PYTHON) infra/local/release_test.py

.PHONY: upgrade-test
upgrade-test: needs-upgrade-test local ## `make deploy` on the emulated AWS, then an upgrade under load (FROM=HEAD^)
	@$(PYTHON) infra/local/upgrade_test.py "$(FROM)"

.PHONY: docs
docs: needs-docs ## build the documentation site into target/site (REPOSITORY=<address>: links to the sources lead there)
	@infra/local/setup.sh docs openapi
	.venv/openapi/bin/python infra/openapi/reference.py target/api-reference
	$(PYTHON) infra/docs/site.py target/site target/api-reference --repository "$(REPOSITORY)"

.PHONY: bench
bench: needs-bench setup ## measure the functions' speed and size (COMPARE=<commit>, ROUNDS=20, CALLS=50, ONLY=<parts of names>)
	@# Apart: the bench's dependencies would add features to the functions' ones.
	$(STEP) cargo build --release --locked $(addprefix --package ,$(shell ls functions))
	$(STEP) cargo build --release --locked --package bench
	target/release/bench --rounds $(ROUNDS) --calls $(CALLS) --only "$(ONLY)" $(if $(COMPARE),--compare "$(COMPARE)")

.PHONY: bench-parts
bench-parts: needs-bench-parts setup ## measure the pure functions on a message's path
	cargo bench --locked --package bench --bench parts

.PHONY: fresh-check
fresh-check: needs-fresh-check ## `make run` and `make test` in a new clone of HEAD with an empty HOME; reports how long they take
	@python3 infra/local/fresh_check.py

.PHONY: release-check
release-check: needs-release-check fresh-check rustdoc upgrade-test release-test ## before a release: fresh-check, rustdoc, upgrade-test, release-test, the functions' sizes and the installation of the CLI
	$(MAKE) bench ROUNDS=1 CALLS=1
	cargo install --locked --path cli --root target/installed
	target/installed/bin/patchbay --version
	test ! -d "$$(rustc --print target-libdir --target aarch64-unknown-linux-gnu)" || $(MAKE) build ARCHITECTURE=arm64

.PHONY: clean
clean: ## remove everything that the other commands created
	rm -rf target .venv .tools

# --- prerequisites of the others ---

# What a command needs on this machine, checked before anything is installed into this folder or built.
needs-%:
	@infra/local/prerequisites.sh $* $(RUST_TARGETS)
prerequisites needs-build needs-deploy: RUST_TARGETS := $(RUST_TARGET)
needs-release: RUST_TARGETS := $(foreach architecture,$(ARCHITECTURES),$(call rust_target,$(architecture)))
needs-release-command: RUST_TARGETS := $(TARGET)

.PHONY: setup
setup: needs-setup
	@infra/local/setup.sh

# The same with the tools that build for Lambda.
.PHONY: setup-lambda
setup-lambda:
	@infra/local/setup.sh lambda

# The same with everything that checks and tests need.
.PHONY: setup-tests
setup-tests:
	@infra/local/setup.sh audit cargo channels checkov genesys-cloud lambda node openapi schemathesis \
	    $(if $(shell java -version >/dev/null 2>&1 && echo java),openapi-generator)

# One build of the whole workspace; the tests use the same.
.PHONY: local
local: setup
	$(STEP) cargo build --locked --workspace
