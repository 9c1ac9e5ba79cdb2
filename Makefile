# make demo | test | lint | bench | docs      extra arguments: make test ARGS="tests/domain -x"
# Needs Python 3.11 or newer, make and git. Everything else is installed into .venv, once.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench docs

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.stamp

help:
	@head -n 2 Makefile | cut -c 3-

demo: $(STAMP)
	@$(BIN)/ip-fhir demo $(ARGS)

test: $(STAMP)
	@$(BIN)/python -Im pytest $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python tests/house/size_gate.py

bench: $(STAMP)
	@$(BIN)/python benchmarks/run.py $(ARGS)

docs: $(STAMP)
	@$(BIN)/python docs/build.py $(ARGS)

# The stamp is older than pyproject.toml, or not there: install (again). A .venv that exists is kept.
$(STAMP): pyproject.toml
	@if [ ! -x $(BIN)/python ]; then \
	  command -v $(PYTHON) >/dev/null || { echo "There is no '$(PYTHON)' here. Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }; \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "'$(PYTHON)' is $$($(PYTHON) -V 2>&1); Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }; \
	  echo "Making .venv with $$($(PYTHON) -V 2>&1)"; \
	  $(PYTHON) -m venv .venv || { rm -rf .venv; echo "'$(PYTHON) -m venv' did not work; on Debian and Ubuntu the package python3-venv is needed." >&2; exit 1; }; \
	fi
	@echo "Installing ip_fhir and what it needs into .venv (a minute or two, once)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off \
	  -e '.[web,auth,report,postgres,dev]' 2>&1 | awk ' \
	  /^Collecting|^Obtaining/ { n++; if (n % 10 == 1) printf "  %d packages looked up ...\n", n; fflush(); next } \
	  /^Installing collected/  { print "  installing ..."; fflush(); next } \
	  /^(ERROR|WARNING|error)/ { print > "/dev/stderr" }'
	@touch $@
