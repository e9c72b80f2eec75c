# modeltrain: every target does its own set-up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PO     := $(wildcard tui/locales/*/LC_MESSAGES/modeltrain.po)
ARGS   ?=

.PHONY: help run test check bench screenshots catalogues training-env clean

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "modeltrain needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt tools/compile_catalogues.py core/__init__.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.catalogues: $(PO) | $(VENV)/.installed-dev
	$(BIN)/python tools/compile_catalogues.py
	@touch $@

run: $(VENV)/.installed            ## start the application (options: make run ARGS="--data DIR")
	$(BIN)/modeltrain $(ARGS)

test: $(VENV)/.installed-dev $(VENV)/.catalogues       ## run the tests (options: make test ARGS="-k words")
	$(BIN)/python -m pytest -m "not bench" -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.installed-dev      ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev $(VENV)/.catalogues      ## measure and print the tables
	$(BIN)/python -m tests.bench $(ARGS)

screenshots: $(VENV)/.installed-dev $(VENV)/.catalogues ## make the pictures of docs/ from the running program
	$(BIN)/python tools/screenshots.py $(ARGS)

catalogues: $(VENV)/.installed-dev ## collect the strings and compile the translations
	$(BIN)/python tools/update_catalogues.py
	$(BIN)/python tools/compile_catalogues.py

training-env:    ## build the real training environment for the tests, once, outside the tree (2.5 minutes, 2.1 GB)
	tests/training/environment/install.sh "$${MODELTRAIN_TRAINING_ENV:-$${XDG_CACHE_HOME:-$$HOME/.cache}/modeltrain/training-env-0.9.5}"

clean:           ## remove what was built (never your data)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find tui -name '*.mo' -delete
