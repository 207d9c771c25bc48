# Everything runs in .venv, made here from the hash-pinned lock; nothing else is needed by hand.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# One more than cores: some tests wait, and every worker makes ready a PostgreSQL, a catalogue, Stripe's document.
WORKERS ?= 3
PYTEST  = $(BIN)/pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo run test check bench soak lock format

help: ## This screen
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1|/' | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

$(READY): requirements-dev.lock requirements-judges.lock pyproject.toml
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	    -r requirements-judges.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## The tour: catalogue to cancellation e-mail, with real HTTP, webhooks and SMTP
	@$(BIN)/planshift demo

run: $(READY) ## Service, worker and sandbox in one terminal, with an API key
	@$(BIN)/planshift run

test: $(READY) ## The whole suite, on SQLite and PostgreSQL
	@$(PYTEST)

check: $(READY) ## Style, types, import contract, then the suite
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(PYTEST)

bench: $(READY) ## What it costs: ratios measured in one run
	@$(BIN)/python -m tests.bench

# What is soaked; a part of it with e.g. `make soak SOAKED="tests/laws tests/faults"`.
SOAKED ?= tests
soak: $(READY) ## The long runs, an hour or more: laws with thousands of examples, kills under load
	@SOAK=1 $(PYTEST) -v --durations=15 $(SOAKED)

lock: ## Pin the newest allowed dependencies anew
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --upgrade --extra postgres pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --upgrade --extra dev --extra postgres pyproject.toml -o requirements-dev.lock

format: $(READY) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
