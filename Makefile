# Everything sets itself up in .venv; nothing is done twice while its inputs stay the same.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INPUTS := pyproject.toml constraints.txt

.PHONY: film films gallery test test-all lint schema bench clean

film: $(VENV)/.package
	$(BIN)/storyboard render examples/teddy.yaml

films: $(VENV)/.package
	for film in examples/*.yaml; do $(BIN)/storyboard render $$film || exit 1; done

test: $(VENV)/.tests lint
	$(BIN)/python -m pytest -m "not long" -n 2

test-all: $(VENV)/.tests lint
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

gallery: films $(VENV)/.tests
	$(BIN)/storyboard render examples/teddy.yaml --engine pocket
	$(BIN)/python examples/gallery.py renders/teddy/teddy.mp4 renders/teddy/teddy.pocket.mp4

schema: $(VENV)/.package
	$(BIN)/storyboard schema > schemas/screenplay.json

bench: $(VENV)/.tests
	$(BIN)/python -m benchmarks

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "storyboard needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.package: $(VENV)/.python $(INPUTS)
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

$(VENV)/.tests: $(VENV)/.package
	$(PIP) install --constraint constraints.txt --editable '.[test,models]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
