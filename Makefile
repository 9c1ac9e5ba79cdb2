# make demo | check | test | soak | lint | bench | docs | package | release | matrix      more arguments: make test ARGS="tests/domain -x"
# Needs Python 3.11 or newer, make and git. The rest is installed into .venv, once.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help demo check test soak lint bench measure docs package release constraints matrix

ARGS ?=
# A worker for each core; those that share a validator, or what their file makes once, run in one: tests/conftest.py
WORKERS ?= logical
PYTEST = $(BIN)/python -Im pytest -n $(WORKERS) --dist loadgroup
PYTHON ?=
VENV ?= .venv
EXTRAS ?= web,report,postgres,hl7v2,evidence,tracing,dev
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.stamp

help:
	@head -n 2 Makefile | cut -c 3-

demo: $(INSTALLED)
	@$(BIN)/ip-fhir demo $(ARGS)

# The inner loop, a minute: what changed since the last commit is linted, and what needs Python alone is tested.
check: $(INSTALLED)
	@red=0; \
	run() { echo "== $$*"; "$(BIN)/$$@" || red=1; }; \
	changed=($$({ git diff --name-only --diff-filter=d HEAD; git ls-files --others --exclude-standard; } | grep '[.]py$$' || true)); \
	if [ "$${#changed[@]}" -gt 0 ]; then \
	  run ruff check --quiet "$${changed[@]}"; \
	  run ruff format --quiet --check "$${changed[@]}"; \
	  run mypy; \
	fi; \
	echo "== pytest"; \
	HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-quick} $(PYTEST) -q -m "not processes and not slow" $(ARGS) || red=1; \
	exit $$red

# IP_FHIR_ORDER=7 make test: in another order. ARGS="-n 0": in one process
test: $(INSTALLED)
	@$(PYTEST) $(ARGS)

# For long: both sides killed 2,000 times on either database, half an hour. One by name: make soak ARGS="killed"
soak: $(INSTALLED)
	@$(BIN)/python tests/soak.py $(ARGS)

lint: $(INSTALLED)
	@red=0; \
	run() { echo "== $$*"; "$(BIN)/$$@" || red=1; }; \
	run ruff check --quiet; \
	run ruff format --quiet --check; \
	run mypy; \
	run lint-imports --no-logo; \
	run python tests/house/size_gate.py; \
	exit $$red

# In an environment of its own: the peers that the mapping is measured beside are no business of the library's.
bench:
	@$(MAKE) --no-print-directory VENV=.venv-bench EXTRAS=web,postgres,hl7v2,bench measure

measure: $(INSTALLED)
	@$(BIN)/python benchmarks/run.py $(ARGS)

docs: $(INSTALLED)
	@$(BIN)/python docs/build.py $(ARGS)

# Our definitions as a FHIR package in dist/. Needs Java, Maven and Node besides.
package: $(INSTALLED)
	@$(BIN)/python tests/conformance/package/build.py $(ARGS)

# The last commit as wheel, sdist, SBOM, licences and checksums in dist/: built twice, the same to the byte, and tried.
release: $(INSTALLED)
	@$(BIN)/python -m release.build $(ARGS)

# The newest versions with their hashes, for release/constraints.txt: before a release, and after a change of dependencies.
constraints: $(INSTALLED)
	@$(BIN)/python -m release.constraints $(ARGS)

# Python 3.11 to 3.14 with the newest packages, and the oldest Python with the oldest that pyproject.toml allows; a
# Python that this machine has not is skipped. Of the tests those that are not slow, and of the rooms that rest on others'
# packages those that start processes too: ten minutes for each on two idle cores. One by name: make matrix ARGS=oldest
matrix: $(INSTALLED)
	@$(BIN)/python -m release.matrix $(ARGS)

# Install, or install again where pyproject.toml is newer than the stamp. An environment that is there is kept.
$(INSTALLED): pyproject.toml
	@if [ ! -x $(BIN)/python ]; then \
	  for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
	    echo "$$python: $$($$python -V 2>&1 || true)" >&2; python=; \
	  done; \
	  [ -n "$$python" ] || { echo "Python 3.11 or newer is needed; name it: make PYTHON=/where/it/is/python3.11 ..." >&2; exit 1; }; \
	  echo "Making $(VENV) with $$($$python -V)"; \
	  $$python -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "'$$python -m venv' failed; on Debian and Ubuntu it needs the package python3-venv." >&2; exit 1; }; \
	fi
	@echo "Installing ip_fhir and what it needs into $(VENV) (a minute or two, once)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off \
	  -e '.[$(EXTRAS)]' 2>&1 | awk ' \
	  /^Collecting/ { if (++n % 20 == 0) { print "  " n " packages found ..."; fflush() } } \
	  /^Installing collected/ { print "  installing them ..."; fflush() } \
	  /^ *(ERROR|error|WARNING)/ { print; fflush() }' >&2
	@touch $@
