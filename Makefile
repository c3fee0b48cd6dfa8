# Everything runs in a virtual environment of its own; nothing needs to be installed before but python3 and make.
VENV ?= .venv
PY := $(VENV)/bin/python
BIN := $(VENV)/bin
# More than cores: many tests wait for real processes, clocks and sockets.
WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help demo test lint check bench soak screenshots clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 22

$(VENV)/.installed: pyproject.toml
	@echo "Installing heaptui into $(VENV), once. It takes about a minute."
	@test -x $(PY) || python3 -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo "Installing what the tests need into $(VENV), once."
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

demo: $(VENV)/.installed ## open heaptui on the sandbox (without a terminal: run the main job once and print the receipt)
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/heaptui demo; else $(BIN)/heaptui demo --headless; fi

test: $(VENV)/.installed-test lint ## lint, types, layer contracts and tests
	@$(PY) -m pytest -n $(WORKERS)

lint: $(VENV)/.installed-test
	@$(BIN)/ruff check heaptui tests
	@$(BIN)/ruff format --check heaptui tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.installed-test ## measure, print ratios
	@$(PY) -m tests.bench

soak: $(VENV)/.installed-test ## thousands of random histories and kills
	@$(PY) -m pytest -n $(WORKERS) -o addopts="-q --strict-markers -p no:cacheprovider" tests/soak

screenshots: $(VENV)/.installed-test ## write the pictures of the README anew
	@$(PY) -m tests.screenshots

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .import_linter_cache
