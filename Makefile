# carecoord: what there is to run. Needs Python 3.11 or later and make; everything else is made here.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
JOBS ?= 2
# Of three processes of tests one waits at any time for a server, a browser or a lease: they keep two processors busy.
TESTERS ?= $(shell expr $(JOBS) + 1)
QUIETLY := install --quiet --disable-pip-version-check --no-compile
PIP := $(BIN)/python -m pip $(QUIETLY)
# The pip that this Python has fetches uv and a pip for the environment: setting one up there takes it longer than both.
FETCH := $(PYTHON) -m pip --python $(BIN)/python $(QUIETLY) pip uv

# uv installs in a quarter of pip's time. It does not read pip's settings, so a mirror that is named there is handed on;
# where uv can not be had, or fails, pip does it and says why it can not.
install = { mirror=$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true)} \
  && env $${mirror:+UV_DEFAULT_INDEX="$$mirror"} $(BIN)/uv pip install --quiet --python $(BIN)/python --editable "$(1)"; \
  } 2>/dev/null || $(PIP) --editable "$(1)"

# Images of Python often set this. Here it would have each of the tests' processes compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test compiled lint types arrows lowest bench fixtures clean

help:  ## Say what there is to run
	@echo "carecoord: make WHAT"
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1|\2/' | awk -F'|' '{printf "%-12s %s\n", $$1, $$2}'

$(VENV)/made: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "carecoord needs Python 3.11 or later; name one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv --without-pip $(VENV) && { $(FETCH) || { $(BIN)/python -m ensurepip && { $(PIP) uv || true; } } } >/dev/null 2>&1 \
	  || { echo "This Python can not make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing carecoord into $(VENV)"
	@$(call install,.)
	@touch $@

$(VENV)/tested: $(VENV)/made
	@echo "Installing what the tests need"
	@$(call install,.[test])
	@touch $@

$(VENV)/browsed: $(VENV)/tested
	@echo "Installing what drives the browser"
	@$(call install,.[browser])
	@touch $@

# The browser's tools are large and of no use without a browser.
NEEDED := $(if $(or $(CHROMIUM),$(shell command -v chromium-headless-shell || command -v chromium)),$(VENV)/browsed,$(VENV)/tested)

demo: $(VENV)/made  ## Start a demo EHR, sync it, show every referral, serve the desk (ARGS=--once: show and end)
	@$(BIN)/carecoord demo $(ARGS)

test: $(NEEDED)  ## Check everything that can be checked on this machine; say what was skipped and why
	@$(MAKE) --no-print-directory -j $(JOBS) lint types arrows $(if $(ARGS),,compiled)
	@$(BIN)/python -m pytest -n $(TESTERS) --dist loadgroup $(ARGS)

# The workers of pytest-xdist would each rewrite the assertions of every module of tests, at the same time.
compiled: $(NEEDED)
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null || true

lint: $(NEEDED)  ## Check the style (ruff)
	@$(BIN)/ruff check .

types: $(NEEDED)  ## Check the types (mypy --strict)
	@$(BIN)/mypy

arrows: $(NEEDED)  ## Check who imports whom (import-linter)
	@$(BIN)/lint-imports

# Without a browser, and so never as CI means it, where nothing may be left out.
LOWEST := var/lowest
FLOORS := tests/domain tests/fhir tests/auth tests/store tests/adapters tests/api
lowest: $(VENV)/made  ## Check the lowest versions that pyproject.toml names, in an environment of their own (var/lowest)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(LOWEST)
	@mirror=$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true)} \
	  && env $${mirror:+UV_DEFAULT_INDEX="$$mirror"} $(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python \
	    --resolution lowest-direct --editable ".[test]"
	@env -u CI $(LOWEST)/bin/python -m pytest -n $(JOBS) --dist loadgroup -p no:cacheprovider $(or $(ARGS),$(FLOORS))

bench: $(VENV)/tested  ## Measure our server beside a bare route and another server (var/bench.json)
	@$(BIN)/python -m tests.bench $(ARGS)

fixtures: $(VENV)/made  ## Write fixtures/ again from its story
	@$(BIN)/python fixtures/make.py

clean:  ## Remove the environment, the databases and the caches
	rm -rf $(VENV) var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
