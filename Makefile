# The verbs of this project. Each does its own set-up: only Python 3.11+, pip and make are needed.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/.demo
DEV := $(VENV)/.dev
NEIGHBOURS := $(VENV)/neighbours
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Packages are compiled when they are first imported, and then kept so: each test that starts a
# program would else compile all that it imports anew, which takes longer than the test.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO) ## see it work: real SDK calls, priced, in a table and on a page (ONCE=1 exits)
	@$(BIN)/spanledger demo $(if $(ONCE),--once)

up: $(DEMO) ## run collector, cost API and dashboard on this machine
	@$(BIN)/spanledger up

test: $(DEV) ## run all tests
	$(BIN)/python -m pytest $(ARGS)

soak: $(DEV) $(NEIGHBOURS)/.done ## run what takes minutes: outages, all faults, others' libraries
	$(BIN)/python -m pytest -m soak --dist=load $(ARGS)
	$(BIN)/python -m pytest -m hypothesis --hypothesis-profile=new $(ARGS)

check: $(DEV) ## what CI checks besides the tests: style, types, layers, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --config pyproject.toml
	$(BIN)/deptry src

cover: $(DEV) ## run all tests and measure what they reach (90 % of branches at least)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: $(DEV) ## measure what the docs claim
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/pricing.py
	$(BIN)/python benchmarks/collector.py
	$(BIN)/python benchmarks/capture.py $(ARGS)

mutants: $(DEV) ## change the pricing code line by line, and see whether a test notices (an hour)
	nice $(BIN)/python benchmarks/mutants.py $(ARGS)

docs: $(DEV) ## write the generated parts of the docs anew
	$(BIN)/python docs/generate.py

lock: $(DEV) ## resolve the pinned requirements anew, from pyproject.toml
	for extra in demo dev; do \
	  $(BIN)/uv pip compile pyproject.toml --extra $$extra --group build --universal --upgrade \
	    --generate-hashes --no-annotate --no-header --no-emit-package spanledger --quiet \
	    --output-file requirements/$$extra.txt || exit; \
	done
	$(BIN)/uv pip compile pyproject.toml --group neighbours --constraint requirements/dev.txt \
	  --universal --upgrade --generate-hashes --no-annotate --no-header \
	  --no-emit-package spanledger --quiet --output-file requirements/neighbours.txt

clean: ## remove what the other verbs made
	rm -rf $(VENV) .coverage* htmlcov artifacts dist build .hypothesis .pytest_cache .ruff_cache

$(BIN)/python:
	@echo "Making $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit("Spanledger needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Use make PYTHON=...") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

# The requirements name all that is needed, so pip resolves nothing: of a pinned package that is wanted
# with an extra (google-auth[requests]) its resolver would take the newest, and fail for want of a hash.
$(DEMO): $(BIN)/python requirements/demo.txt pyproject.toml
	@echo "Installing what the demo needs (about 250 MB once, ClickHouse is most of it) ..."
	@$(PIP) install --no-deps --require-hashes -r requirements/demo.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): $(BIN)/python requirements/dev.txt pyproject.toml
	@echo "Installing what development needs (about 350 MB once) ..."
	@$(PIP) install --no-deps --no-compile --require-hashes -r requirements/dev.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@ $(DEMO)

# Apart from ours: Logfire's plugin for pydantic would be imported by every process of ours, and the
# launcher of OpenTelemetry would start them all.
$(NEIGHBOURS)/.done: $(BIN)/python requirements/neighbours.txt
	@echo "Installing the libraries that record the same calls (about 150 MB once) ..."
	@$(BIN)/python -m venv $(NEIGHBOURS)
	@$(NEIGHBOURS)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps \
	  --no-compile --require-hashes -r requirements/neighbours.txt
	@touch $@

.PHONY: help demo up test soak check cover bench mutants docs lock clean
