# Every command a person needs; `make help` lists them.
# Variables given to make, such as TARGET=core/staging, reach the commands through their environment.
.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-part check inventory-check soak bench sandbox env engine up down upgrade docs requirements hooks release
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.requirements-dev
IN_TWO := --numprocesses 2 --dist loadscope
# SANDBOX=1 adds the pretend cloud to what is deployed
COMPOSE = docker compose $(if $(filter 1,$(SANDBOX)),--profile sandbox)

help: ## List these commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Rehearse a runbook from start to end (RUNBOOK= TARGET= PARAMS='{..}' FAULT= YES=1 KEEP=0).
	@exec $(BIN)/python -m sandbox.demo

sandbox: $(READY) ## Start Airflow and the simulated cloud, and leave them running until Ctrl-C.
	@exec $(BIN)/python -m sandbox

test: $(READY) ## Run every test but the many more faults of make test-all, in half an hour on two processors.
	@$(BIN)/python -m pytest $(IN_TWO) -m "not full" 2>&1

test-all: $(READY) ## Run every test (each fault on a real Airflow, mutants, campaigns of kills), and print the coverage.
	@$(BIN)/python -m pytest $(IN_TWO) --cov 2>&1

# what CI adds to make test: COMMIT= says whose turn it is, END_BY= when it has to be over, in seconds since 1970
test-part: $(READY)
	@$(BIN)/python -m pytest $(IN_TWO) --part-for "$$COMMIT" --end-by "$$END_BY" 2>&1

check: $(READY) ## Check style, types and the rules over every runbook; changes no file.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/contract -q

inventory-check: $(READY) ## Check an inventory, and that its approvers, connections and channels exist (RUNBOOK_INVENTORY=).
	@PYTHONPATH=.:plugins $(BIN)/python -m opskit.inventory_check

soak: $(READY) ## Kill every kind of process during runs, and check how the runs end (SEED=1 KILLS=100 APART=0).
	@$(BIN)/python -m tests.support.soak

bench: $(READY) ## Measure speed, calls and recovery; docs/benchmarks.md explains (ONLY=parse,clients,waits,restart,recovery,copy,fleet KILLS=3).
	@PYTHONPATH=.:plugins $(BIN)/python -m benchmarks

env: ## Write .env with secrets of this installation; what is in it stays (USERS="ann:Admin bob:User").
	@$(PYTHON) -m deployment.env_file

engine:
	@$(PYTHON) -m deployment.engine

up: engine env ## Build the image and start Airflow in containers (SANDBOX=1 with the pretend cloud, WORKERS=2).
	$(COMPOSE) build
	$(COMPOSE) up --detach --wait --wait-timeout 600 --scale worker=$${WORKERS:-2} \
		$$($(COMPOSE) config --services | grep -v -x world-connections)
	$(if $(filter 1,$(SANDBOX)),$(COMPOSE) run --rm world-connections)

down: engine ## Stop the containers; workers end their steps first. Database and logs stay.
	docker compose --profile sandbox down

upgrade: engine env ## Wait until no run is in the middle of something, and start this version (SANDBOX=1, WORKERS=2, WAIT=60 minutes).
	$(COMPOSE) build
	$(COMPOSE) run --rm --no-deps init python -m deployment.drain "$${WAIT:-60}"
	@$(MAKE) --no-print-directory down
	@$(MAKE) --no-print-directory up

docs: $(READY) ## Write docs/runbooks.md, the architecture picture and the table of rights from the pages and the code.
	@$(BIN)/python -m include.runbooks
	@$(BIN)/python -m tools.rights
	@$(BIN)/python -m tools.architecture

requirements: $(READY) ## Compile requirements*.txt from requirements*.in, with hashes.
	@for name in requirements requirements-agent requirements-dev requirements-uv; do \
		$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --annotation-style line --no-header \
			--no-emit-index-url --no-emit-find-links $$name.in -o $$name.txt || exit 1; \
	done

hooks: $(READY) ## Run make check's checks before each commit of this clone.
	@$(BIN)/pre-commit install

release: $(READY) ## Check what a release needs and tag it (DRY=1 only checks).
	@$(BIN)/python -m tools.release

# pip installs the same set where uv cannot reach the package index (it does not read pip's own configuration)
$(READY): requirements-dev.txt requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Python 3.11 is needed, and $(PYTHON) is another; say PYTHON=/path/to/python3.11." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing requirements-dev.txt into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements-dev.txt || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
