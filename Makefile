# One environment for everything: `make env` makes it, the other targets call it first.
PYTHON ?= $(shell command -v python3.12 >/dev/null 2>&1 && python3.12 -c '' >/dev/null 2>&1 && echo python3.12 || \
	  { command -v python3.11 >/dev/null 2>&1 && python3.11 -c '' >/dev/null 2>&1 && echo python3.11; } || echo python3)
BIN := .venv/bin

.PHONY: env demo test check soak bench lock clean

env: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@command -v git >/dev/null || { echo "make env needs git (Debian: apt install git)"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 12)))' 2>/dev/null || \
	  { echo "make env needs Python 3.11 or 3.12 (Debian: apt install python3 python3-venv); name one with PYTHON=..."; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "make env needs Python's venv module (Debian: apt install python3-venv)"; exit 2; }
	@echo "making .venv (a few minutes, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch .venv/.ready

demo: env
	$(BIN)/vestibule demo

test: env
	$(BIN)/python -m pytest

check: env
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/vestibule check

soak: env
	$(BIN)/python -m pytest -m soak

bench: env
	$(BIN)/python -m tests.bench

# after a change of dependencies; needs uv. Hashes only: where packages come from is each machine's own affair
lock:
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes \
	  --no-emit-index-url --no-header --quiet pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build *.egg-info
