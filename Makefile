# What developers run. Everything lives in .venv; Debian packages are added when missing (as root).
# The set-up is done once: .venv/.ready is newer than pyproject.toml, the programs are there.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2
CUTS ?= 20000

.PHONY: help test check unit demo bench crash format build clean servers

help:
	@echo 'make test    everything: ruff, mypy, all tests, on real servers (sets up what it needs)'
	@echo 'make check   under 20 s: ruff, mypy, unit and architecture tests'
	@echo 'make demo    a mail world on loopback, shown in a minute'
	@echo 'make bench   mailcli beside its peers, on the same servers (RUN="startup smtp" chooses)'
	@echo 'make crash   CUTS=$(CUTS) cuts shared out over all crash tests; prints tried, lost, doubled'
	@echo 'make format  ruff format and ruff check --fix'
	@echo 'make build   wheel and source archive in dist/'
	@echo 'make clean   remove what the others made'

$(READY): pyproject.toml hatch_build.py
	@.ci/venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

servers:
	@.ci/packages

test: $(READY) servers
	@start=$$(date +%s); \
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy \
	&& $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup \
	&& echo "make test: ruff, mypy and all tests passed in $$(( $$(date +%s) - start )) s" \
	|| { echo 'make test: FAILED, see above'; exit 1; }

check: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@$(BIN)/python -m pytest -q -n $(WORKERS) tests/unit tests/architecture

unit: $(READY)
	@$(BIN)/python -m pytest -q -n $(WORKERS) tests/unit

demo: $(READY)
	@$(BIN)/mailcli demo

bench: $(READY) servers
	@$(BIN)/python -m bench $(RUN)

crash: $(READY) servers
	@MAILCLI_CUTS=$(CUTS) $(BIN)/python -m pytest -q -n $(WORKERS) --timeout 0 tests/crash

format: $(READY)
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

build: $(READY)
	@$(BIN)/python -m hatchling build

clean:
	rm -rf $(VENV) dist build bench/results .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
