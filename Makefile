# Two commands do the main jobs: `make demo` (score the bundled campaign) and `make test` (every check).
# Both make the environment they need; a second call finds it made and says so.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

DATA ?= ../shared/data
START := build/start/version7/bundle.json

# The examples of README and docs start hundreds of processes, each of which would compile the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

CHECKS := types format-check lint imports security gates # of the files as they stand; the tests come after them
.PHONY: help demo test check $(CHECKS) model env env-test format wheel-test clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: env  ## install the base (no torch), score the demo campaign, print its tables and the report's path
	$(BIN)/cxsentiment demo --out cxsentiment-demo

test: env-test  ## install the training and development extras, run every check
	$(MAKE) check

check:  ## format, lint, types, import contracts, security of the code, gates of the model, tests, README and docs examples, notebooks
	$(MAKE) --jobs=2 --keep-going --output-sync=target $(CHECKS)
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

types:
	$(BIN)/mypy

format-check:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

imports:
	$(BIN)/lint-imports

security:  # findings go to standard output; the other stream tells of each `nosec` once more for every node beside it
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive cxsentiment training eval 2>/dev/null

gates:
	$(BIN)/python -m eval.gates models/default

model: env-test $(START)  ## train models/default from the sources in DATA, evaluate it, write its card (about an hour)
	$(BIN)/python -m training.train training/configs/finish.yaml --data $(DATA) --out models/default --threads 2
	$(BIN)/python -m eval.run models/default --data $(DATA)
	$(BIN)/python -m eval.behaviour models/default
	$(BIN)/python -m eval.abstention models/default --data $(DATA)
	$(BIN)/python -m training.card models/default --results eval/results/default.json

# Version 7, which version 8 goes on from, as this repository's history holds it.
$(START): COMMIT := da30ff8
$(START):
	@git cat-file -e $(COMMIT) || { echo "this clone lacks commit $(COMMIT), whose model training starts from: git fetch --unshallow"; exit 1; }
	mkdir -p $(@D)
	git archive $(COMMIT) models/default | tar --extract --strip-components=2 --directory $(@D)

env: $(VENV)/.base  ## the base environment
	@echo "environment ready: $(VENV) (base)"

env-test: $(VENV)/.test  ## the environment for tests and training
	@echo "environment ready: $(VENV) (base, train, dev, spark)"

$(VENV)/.base: pyproject.toml constraints.txt
	@echo "making $(VENV) with the pinned base (no torch); about a minute"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

# Compiling 20,000 files, of which most are never imported, takes longer than compiling the others when they are.
$(VENV)/.test: pyproject.toml constraints.txt
	@echo "making $(VENV) with the base and the train, dev and spark extras (torch for the CPU); about three minutes"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --no-compile --constraint constraints.txt --editable '.[train,dev,spark]'
	@touch $(VENV)/.base $@

format:  ## apply the formatter and the safe fixes of the linter
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel-test: env-test  ## build the wheel, install it bare elsewhere, run the demo outside the checkout
	$(BIN)/python -m eval.gates models/default
	$(BIN)/python -m pytest tests/test_wheel.py

clean:  ## remove environment, caches and the demo run
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache cxsentiment-demo
