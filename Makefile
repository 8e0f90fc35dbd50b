# Everything sets itself up in .venv; nothing is done twice while its inputs stay the same.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INPUTS := pyproject.toml constraints.txt
GPU := $(addprefix examples/,guide.yaml great-wall.yaml space-man.yaml)
FILMS := $(filter-out $(GPU),$(wildcard examples/*.yaml))
MOVIES := $(foreach name,$(basename $(notdir $(FILMS))),renders/$(name)/$(name).mp4)

# On Linux, pip's usual torch brings gigabytes of CUDA along. Where no GPU would use them, the build for CPUs is asked for
# first, by itself; if its index cannot be reached, whatever pip finds elsewhere will do.
ifeq ($(shell uname -s)$(shell command -v nvidia-smi 2>/dev/null),Linux)
CPU_TORCH := --extra-index-url https://download.pytorch.org/whl/cpu --retries 1 --no-deps torch
endif

.PHONY: film films gallery test test-all lint schema bench clean

film: $(VENV)/.package
	$(BIN)/storyboard render examples/teddy.yaml

films: $(VENV)/.package
	for film in $(FILMS); do $(BIN)/storyboard render $$film || exit 1; done

test: $(VENV)/.tests lint
	$(BIN)/python -m pytest -m "not long" -n 2

test-all: $(VENV)/.tests lint
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

gallery: films
	$(BIN)/storyboard render examples/teddy.yaml --engine animatic
	$(BIN)/python examples/gallery.py $(MOVIES) renders/teddy/teddy.animatic.mp4

schema: $(VENV)/.package
	$(BIN)/storyboard schema > schemas/screenplay.json

bench: $(VENV)/.tests
	$(BIN)/python -m benchmarks

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "storyboard needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.package: $(VENV)/.python $(INPUTS)
	$(if $(CPU_TORCH),$(PIP) install --constraint constraints.txt $(CPU_TORCH))
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

$(VENV)/.tests: $(VENV)/.package
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
