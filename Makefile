# `make` lists the verbs. CI calls these and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup format lint types layers static test flow bench accuracy demo check lock schema clean

help:  ## list the verbs
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(STAMP)  ## install everything into .venv, from the lock with hashes

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: $(STAMP)  ## run the main job on a small world made on the spot
	$(BIN)/acquire demo

test: $(STAMP)  ## run all tests that need no network
	$(BIN)/pytest --numprocesses 3 --dist worksteal

flow: $(STAMP)  ## run the flow tests alone, with the real files when they lie beside the checkout
	$(BIN)/pytest tests/flow

format: $(STAMP)  ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --exit-zero --quiet .

lint: $(STAMP)  ## check form and manners
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)  ## check types
	$(BIN)/mypy

layers: $(STAMP)  ## check who may import whom
	$(BIN)/lint-imports

static: lint types layers  ## all checks that run nothing

check: static test  ## everything that has to be green

bench: $(STAMP)  ## measure beside peers; PEER=python that has datatrove[io]
	$(BIN)/python -m benchmarks.download
	$(BIN)/python -m benchmarks.staging $(if $(PEER),--peer-python $(PEER),--ours-only)
	$(BIN)/python -m benchmarks.idle
	$(BIN)/python -m benchmarks.pii
	$(BIN)/python -m benchmarks.duplicates
	$(BIN)/python -m benchmarks.media
	$(BIN)/python -m benchmarks.filters --documents 100000 400000

accuracy: $(STAMP)  ## compute the figures of docs/accuracy.md anew
	$(BIN)/python -m benchmarks.accuracy

schema: $(STAMP)  ## write the JSON Schema of sources.yaml anew
	$(BIN)/acquire schema > acquisition/declare/sources.schema.json

lock:  ## compile requirements.lock anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--extra dev pyproject.toml --output-file requirements.lock

clean:  ## remove what was made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
