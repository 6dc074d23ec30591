# make run     watch the providers of this environment, serve the API and the dashboard
# make demo    the same on simulated providers that fail now and then
# make test    lint, types and all tests
# make js      lint, types and tests of the dashboard's modules; needs node
# make coverage  the same, with the branches that the tests take
# ARGS are handed on: make run ARGS="--port 9000"

# The first interpreter that is new enough; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
ARGS ?=
PARALLEL ?= -n auto --dist worksteal
# Tests start hundreds of processes: without caches each compiles all that it imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run demo test lint types js pytest coverage bench bench-cluster torture integration integration-offers reference docs lock clean

run: $(VENV)/run
	@$(BIN)/provider-status serve $(ARGS)

demo: $(VENV)/run
	@$(BIN)/provider-status demo $(ARGS)

test: lint types pytest

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

# The dashboard's modules: lint, types, tests of the pure ones. Nothing is built: the page is as it is.
js: tests/js/node_modules/.done
	npm --prefix tests/js run --silent lint
	npm --prefix tests/js run --silent types
	npm --prefix tests/js run --silent test

tests/js/node_modules/.done: tests/js/package-lock.json
	@command -v npm >/dev/null || { echo "node and npm are needed (Debian: apt-get install nodejs npm)"; exit 1; }
	npm --prefix tests/js ci --silent --no-audit --no-fund
	@touch $@

pytest: $(VENV)/dev
	$(BIN)/pytest $(PARALLEL) $(ARGS)

# make test, and which branches of tracker/ and api/ its tests took.
coverage:
	$(MAKE) test ARGS="--cov --cov-report=json:.coverage.json --cov-report= $(ARGS)"
	$(BIN)/python -m tests.helpers.branch_coverage .coverage.json

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks $(ARGS)

torture: $(VENV)/dev
	$(BIN)/python -m benchmarks.torture $(ARGS)

# Rates, take-overs and faults of a cluster, on a PostgreSQL of its own.
bench-cluster: $(VENV)/dev
	$(BIN)/python -m benchmarks.cluster $(ARGS)

# Third-party servers and LiteLLM's router, each in an environment of its own, on loopback.
integration: $(VENV)/dev
	PYTHON=$(PYTHON) $(BIN)/python -m integration $(ARGS)

# Single models at LiteLLM's proxy and at llama.cpp's server.
integration-offers: $(VENV)/dev
	PYTHON=$(PYTHON) $(BIN)/python -m integration.offers

# The generated parts of docs/reference, renewed in place.
reference: $(VENV)/dev
	$(BIN)/python -m docs.generate.fill

docs: $(VENV)/dev
	$(BIN)/python -m docs.build $(ARGS)

# Everything by hash, and nothing else: the build's own tools are in the lock as well. An
# environment that was left half made (no pip in it) is made again.
$(VENV)/run: requirements/run.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
		{ echo "installing into $(VENV) (once)"; $(PYTHON) -m venv --clear $(VENV); }
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements/dev.lock $(VENV)/run
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@

# Needs uv. No header and no index lines: the lock names packages and hashes, no registry.
lock:
	uv pip compile pyproject.toml --extra server --group build $(LOCK) -o requirements/run.lock
	uv pip compile pyproject.toml --extra server --extra postgres --group build $(LOCK) -o requirements/cluster.lock
	uv pip compile pyproject.toml --extra server --group dev $(LOCK) -o requirements/dev.lock
	uv pip compile requirements/integration-fakellm.in $(LOCK) -o requirements/integration-fakellm.lock
	uv pip compile requirements/integration-llamacpp.in $(LOCK) -o requirements/integration-llamacpp.lock
	uv pip compile pyproject.toml --extra server requirements/integration-litellm.in \
		--override requirements/integration-litellm.override $(LOCK) -o requirements/integration-litellm.lock
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

clean:
	rm -rf $(VENV) .integration .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* dist tests/js/node_modules
