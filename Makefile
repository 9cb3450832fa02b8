# Two commands do everything: `make demo` and `make test`. Each sets up .venv first if it is missing or stale.
PYTHON ?= python3.11
BIN := .venv/bin
# uv reads its own variable; a company's pip index keeps working.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
export VIRTUAL_ENV := $(CURDIR)/.venv
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test lint types contracts check lock golden clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/ready ## make .venv with everything pinned in requirements.lock

.venv/ready: requirements.lock requirements-bootstrap.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on the path: install Python 3.11: it is what the locked dependencies were resolved for"; exit 1; }
	@echo "Setting up .venv (a minute the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@$(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## the main job on the embedded Azure: train, deploy, shift traffic, catch drift (KEEP=1 leaves it running, RECORD=file keeps the traffic)
	@$(BIN)/reconciler demo $(if $(KEEP),--keep) $(if $(RECORD),--record $(abspath $(RECORD)))

test: setup ## every test, slow ones included
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: setup ## ruff: rules and layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy --strict
	@$(BIN)/mypy

contracts: setup ## import-linter: what may import what
	@$(BIN)/lint-imports

check: lint types contracts test ## everything that CI runs

lock: ## resolve the dependencies again (needs uv on the path or in .venv)
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header --all-extras pyproject.toml -o requirements.lock
	@echo uv | $(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header - -o requirements-bootstrap.lock

golden: setup ## write the golden files anew; review the diff
	@$(BIN)/python -m pytest --update-golden tests

clean: ## remove what was built; the embedded Azure must be down
	@rm -rf build .venv .local-azure .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
