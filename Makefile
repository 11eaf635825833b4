# `make` alone lists what there is. rustup and python3 are needed; everything else is installed into this folder, but for
# a C compiler and, for the tests, curl and Chromium, which Debian and its kin have as packages.

SHELL := /bin/sh
PYTHON := .venv/bin/python
STACK := $(PYTHON) infra/local/stack.py --
# `make run` as somebody at a terminal sees it, who ends it with Ctrl-C.
RUN_AND_CTRL_C := $(PYTHON) tests/src/harness/command/pty_driver.py "[[\"Ctrl-C takes everything down\", \"\\u0003\"]]" target/debug/demo
WITH_TOOLS := PATH="$(CURDIR)/.venv/lambda/bin:$(CURDIR)/.venv/bin:$$PATH"
# For what may print nothing for a while.
STEP := python3 infra/local/step.py
CARGO_DENY := .venv/cargo/bin/cargo-deny
# Most of the time the tests on the stack wait, for it and for one another's messages.
THREADS := 8
# Where the template stands as CloudFormation gets it, with what SAM adds.
TRANSFORMED := target/transformed
ARCHITECTURE ?= arm64
# What is built, and how, in folders that may have spaces in their names. `make rehearse` builds an earlier commit too, and
# neither with optimisation.
SOURCE := $(CURDIR)
PROFILE := release
FUNCTIONS := $(CURDIR)/target/lambda
# Where the answers of `sam deploy --guided` are, and under which name.
SAMCONFIG ?= $(CURDIR)/infra/samconfig.toml
CONFIG_ENV ?= default
# The commit that a running stack is upgraded from in the rehearsal.
FROM := HEAD^
RUST_TARGET := $(if $(filter arm64,$(ARCHITECTURE)),aarch64,$(ARCHITECTURE))-unknown-linux-gnu
export SAM_CLI_TELEMETRY := 0
# The commands below look for what was built there.
export CARGO_TARGET_DIR := $(CURDIR)/target

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-13s  %s\n", $$1, $$2}'

.PHONY: run
run: local ## bring the whole stack up on this machine and show the main job, until Ctrl-C
	@$(STACK) target/debug/demo

.PHONY: watch
watch: setup-lambda local ## serve the routes with `cargo lambda watch`, rebuilt as the source changes, on the emulated AWS
	@$(WITH_TOOLS) $(STACK) target/debug/demo --watch

.PHONY: test
test: check unit end-to-end ## all checks and tests

.PHONY: check
check: setup-tests ## formatting, lints, dependencies, documentation, template, OpenAPI document
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
	    --test levels --test odd_members --test openapi --test template

.PHONY: end-to-end
end-to-end: setup-tests ## tests on the deployed stack and in a browser, and what `make run` and `make watch` show
	@infra/local/system-packages.sh 'cc:gcc libc6-dev' curl:curl chromium:chromium chromedriver:chromium-driver
	$(STEP) cargo build --locked --workspace --all-targets
	$(STEP) cargo test --locked --workspace --test browser
	@$(WITH_TOOLS) $(STACK) sh -ec '$(RUN_AND_CTRL_C); $(STEP) cargo test --locked --workspace --test crash; \
	    $(STEP) cargo test --locked --workspace --test end-to-end -- --test-threads $(THREADS)'
	@$(WITH_TOOLS) $(STEP) $(STACK) target/debug/demo --watch --once

.PHONY: build
build: setup-lambda ## the functions for Lambda, optimised (ARCHITECTURE=arm64 unless x86_64 is given)
	@test -d "$$(rustc --print target-libdir --target $(RUST_TARGET))" || { \
	    echo "Rust cannot build for $(ARCHITECTURE) yet: rustup target add $(RUST_TARGET)" >&2; exit 1; }
	cd "$(SOURCE)" && $(WITH_TOOLS) cargo lambda build --profile $(PROFILE) --locked --target $(RUST_TARGET) \
	    --lambda-dir "$(FUNCTIONS)" $(addprefix --package ,$(shell cd "$(SOURCE)/functions" && ls))
	$(if $(filter dev,$(PROFILE)),strip "$(FUNCTIONS)"/*/bootstrap)

.PHONY: deploy
deploy: build ## build, and deploy to AWS; asks the first time (CONFIG_ENV=staging: one more stack)
	@$(PYTHON) infra/deploy.py --config-env "$(CONFIG_ENV)" --config-file "$(SAMCONFIG)" \
	    --template "$(SOURCE)/infra/template.yaml" --functions "$(FUNCTIONS)"

.PHONY: rehearse
rehearse: local ## `make deploy` on the emulated AWS, then an upgrade while messages flow (FROM=HEAD^)
	@$(PYTHON) infra/local/rehearse.py "$(FROM)"

.PHONY: fresh-check
fresh-check: ## `make run` and `make test` of HEAD on a machine that has never seen it; says how long they take
	@python3 infra/local/fresh_check.py

.PHONY: release-check
release-check: fresh-check rehearse ## before a release: all tests on a fresh machine, the rehearsal, the command's installation
	cargo install --locked --path cli --root target/installed
	target/installed/bin/patchbay --version

.PHONY: clean
clean: ## remove everything that the other commands made
	rm -rf target .venv .tools

# --- what the others need ---

.PHONY: setup
setup:
	@infra/local/setup.sh

# The same with what builds for Lambda.
.PHONY: setup-lambda
setup-lambda:
	@infra/local/setup.sh lambda

# The same with all that checks and tests need.
.PHONY: setup-tests
setup-tests:
	@infra/local/setup.sh cargo checkov lambda node schemathesis

# One build of the whole workspace; the tests use the same.
.PHONY: local
local: setup
	@infra/local/system-packages.sh 'cc:gcc libc6-dev' strip:binutils
	$(STEP) cargo build --locked --workspace
