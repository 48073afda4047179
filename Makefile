# Every target does the set-up it needs itself; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup demo real test check format conformance clients peers bench sim golden reference ready lock clean
PY := .venv/bin/python
ARGS ?=

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## environment with what the program and its tests need, from the lock file
	@scripts/setup dev

demo: ## the main job: set-up, then the whole story with real traffic (ARGS="--keep", …)
	@scripts/setup run
	@.venv/bin/volary demo $(ARGS)

real: ## install, a good and a bad release with manifests that others wrote (../shared/real)
	@scripts/setup run
	@$(PY) -m volary.demo.real $(ARGS)

test: setup ## everything that needs no Go, no Docker and no cluster
	@$(PY) -m pytest -n auto tests $(ARGS)

check: setup ## format, lint, types, imports
	@$(PY) -m ruff format --check --quiet . || (echo "run: make format"; exit 1)
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-cache | tail -4

format: setup ## put the code into the house format
	@$(PY) -m ruff check --quiet --fix . || true
	@$(PY) -m ruff format --quiet .

conformance: setup ## against a real control plane (needs Go; built once, about five minutes)
	@$(PY) -m pytest -m conformance tests/conformance $(ARGS)

clients: setup ## the embedded API with clients of other projects: kubernetes, lightkube, kr8s, kopf
	@scripts/setup clients
	@$(PY) -m pytest -m clients tests/clients $(ARGS)

peers: setup ## with the real Flagger and the real Flux (needs Go; built once, about twenty minutes)
	@$(PY) -m pytest -m peers tests/conformance $(ARGS)

bench: setup ## figures against their goals
	@$(PY) -m tests.bench $(ARGS)

SEED ?= 1
HOURS ?= 6
sim: setup ## one seeded run in virtual time: make sim SEED=7 HOURS=6
	@$(PY) -m volary.sim --seed $(SEED) --hours $(HOURS)

golden: setup ## accept the golden logs as they are now
	@VOLARY_GOLDEN=accept $(PY) -m pytest tests/golden

reference: setup ## make docs/reference from the types and the commands
	@$(PY) -m scripts.make_reference

ready: ## what CI runs
	@.ci/run

lock: ## resolve the lock files anew (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra demo pyproject.toml -o requirements/run.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra demo --group dev pyproject.toml -o requirements/dev.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group clients -o requirements/clients.txt

clean: ## remove what was made
	@rm -rf .venv .venv-clients .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
