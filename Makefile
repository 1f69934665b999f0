# Everything runs in the project's own environment, .venv, made from Python 3.11+ with venv and nothing else.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r

.PHONY: help run test check format docs bench crash fuzz sbom audit lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(BIN)/uv: requirements/bootstrap.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(VENV)/run.stamp: $(BIN)/uv requirements/run.txt pyproject.toml
	$(INSTALL) requirements/run.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt
	$(INSTALL) requirements/dev.txt
	@touch $@

# The Azure CLI pins what it needs, so it has an environment of its own.
$(VENV)/az.stamp: $(BIN)/uv requirements/az.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/az
	$(BIN)/uv pip install --quiet --python $(VENV)/az/bin/python --require-hashes -r requirements/az.txt
	@touch $@

# Tools that look at the dependencies, apart from those: nothing of them runs with xtap.
$(VENV)/supply.stamp: $(BIN)/uv requirements/supply.txt
	$(BIN)/uv venv --quiet --allow-existing $(VENV)/supply
	$(BIN)/uv pip install --quiet --python $(VENV)/supply/bin/python --require-hashes -r requirements/supply.txt
	@touch $@

# Servers to compare with in the benchmarks.
$(VENV)/peers.stamp: $(BIN)/uv requirements/peers.txt benchmarks/js/package-lock.json $(VENV)/dev.stamp
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/peers
	$(BIN)/uv pip install --quiet --python $(VENV)/peers/bin/python --require-hashes -r requirements/peers.txt
	cd benchmarks/js && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@

tests/wire/js/node_modules/.package-lock.json: $(VENV)/dev.stamp tests/wire/js/package-lock.json
	cd tests/wire/js && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund

run: $(VENV)/run.stamp ## demo tenants contoso and fabrikam, server on loopback, and a command to paste
	@$(BIN)/xtap init --demo
	@$(BIN)/xtap serve

test: $(VENV)/dev.stamp $(VENV)/az.stamp $(VENV)/supply.stamp tests/wire/js/node_modules/.package-lock.json ## everything the tests need, then all tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/dev.stamp ## format, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## write the format, apply safe lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/dev.stamp ## write the generated tables of docs/semantics.md
	$(BIN)/python -m docs.build_schemas
	$(BIN)/python -m docs.build_coverage
	$(BIN)/python -m docs.build_semantics

bench: $(VENV)/peers.stamp ## ratios against named references measured in the same run, written to benchmarks/results.md
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks

crash: $(VENV)/dev.stamp ## kill -9 in the middle of writes, 500 times: servers, and PostgreSQL
	XTAP_CRASH_KILLS=500 $(BIN)/python -m pytest tests/contract/test_crash.py tests/contract/test_postgres_crash.py -q

fuzz: $(VENV)/dev.stamp ## compare engine and application with naive ones, each for XTAP_FUZZ_SECONDS (60)
	$(BIN)/python -m tests.fuzz

sbom: $(VENV)/supply.stamp ## write sbom.cdx.json, the bill of materials (CycloneDX 1.6) of what runs with xtap and its extras
	$(VENV)/supply/bin/cyclonedx-py requirements requirements/image.txt --pyproject pyproject.toml --mc-type application \
		--short-PURLs --output-reproducible --validate --of JSON --sv 1.6 -o sbom.cdx.json

audit: $(VENV)/supply.stamp ## ask the advisory service about the locked dependencies; needs the network
	@$(VENV)/supply/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements/image.txt || { \
		echo "make audit: a dependency has a known vulnerability, or the advisory service could not be asked about it" \
		"(it says which above; without the network nothing was audited)." >&2; exit 1; }

lock: $(BIN)/uv ## write requirements/*.txt from pyproject.toml (names, versions and hashes only)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header requirements/bootstrap.in -o requirements/bootstrap.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header requirements/supply.in -o requirements/supply.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header pyproject.toml --extra dev -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header pyproject.toml -c requirements/dev.txt -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header pyproject.toml --extra postgresql --extra tracing -c requirements/dev.txt -o requirements/image.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header requirements/build.in -c requirements/dev.txt -o requirements/build.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header requirements/az.in -o requirements/az.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header requirements/peers.in -o requirements/peers.txt

clean: ## remove the environment and what the tests made
	rm -rf $(VENV) tests/wire/js/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
