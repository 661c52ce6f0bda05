# Everything runs in .venv, which `make` builds from the lock file when it is missing or stale.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check format bench screenshots lock clean install
.DEFAULT_GOAL := install

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is %d.%d; set PYTHON=…" % v[:2])'
	@echo "Installing into $(VENV) …"
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Three weeks of made-up traces, clustered through Temporal and ClickHouse, shown as tables.
demo: $(STAMP)
	$(BIN)/trace-clustering demo

# Formatting, lint, types, then every test.
test: check
	$(BIN)/python -m pytest -n 2

check: $(STAMP)
	$(BIN)/ruff format --check src tests benchmarks docs examples
	$(BIN)/ruff check src tests benchmarks docs examples
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff format src tests benchmarks docs examples
	$(BIN)/ruff check --fix src tests benchmarks docs examples

# Speed of the core against scikit-learn, growth, and the whole job: one JSON line a case.
bench: $(STAMP)
	$(BIN)/python -m benchmarks

# Every page, light and dark, wide and narrow, from the demo: docs/screenshots. Needs Chromium.
screenshots: $(STAMP)
	$(BIN)/python docs/screenshots.py

# Pin every package again, for all platforms.
lock:
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
		--no-emit-index-url --python-version 3.11 --extra dev pyproject.toml build.in -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
