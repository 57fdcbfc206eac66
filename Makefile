# One verb per job. `make` alone says which.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never
# Small matrices: threads of the linear algebra cost twenty times what they save.
export OPENBLAS_NUM_THREADS ?= 1

# A file's tests stay together: they share the services that they start. They go in the order of
# `testpaths`, those that wait longest first; three side by side, as many of them wait.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

PROTOS := $(shell find proto -name '*.proto')
UNIT := $(wildcard services/*/tests/unit) shared/tests/unit loadtests/tests

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: .venv/ready gen/ready .venv/compiled ## Makes .venv from the lock, generates the protos' code, compiles the loops

.venv/ready: requirements.lock requirements-tools.lock pyproject.toml proto/generate.py
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --require-hashes -r requirements-tools.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	.tools/bin/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/python proto/generate.py
	.tools/bin/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch .venv/ready

gen/ready: .venv/ready $(PROTOS) proto/generate.py
	$(BIN)/python proto/generate.py --image build/larrey.binpb
	touch gen/ready

.venv/compiled: gen/ready $(wildcard services/replenishment/adapters/solver/*.py)
	$(BIN)/larrey replenishment warm
	touch .venv/compiled

lock: ## Resolves the dependencies anew into requirements.lock
	.tools/bin/uv pip compile pyproject.toml --all-extras --generate-hashes --universal \
		--python-version 3.11 --no-header --no-annotate --quiet -o requirements.lock

run: setup ## Plays a day on the embedded log and SQLite, then ends
	$(BIN)/larrey day run

run-real: setup ## The same day on a real Apache Kafka and a real PostgreSQL
	$(BIN)/larrey day run --real

up: setup ## Leaves the three services running for a client, until Ctrl-C
	$(BIN)/larrey day up

lint: setup ## Lint, types and contracts
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/buf lint build/larrey.binpb --config proto/buf.yaml

check: lint ## Lint, types, contracts and unit tests, in under a minute
	$(BIN)/pytest $(UNIT) -m "not slow and not real and not ops and not chaos and not cluster" $(SIDE_BY_SIDE)

test: lint ## Everything: unit, contract, integration, quality, house
	$(BIN)/python -m shared.testing.java
	$(BIN)/pytest $(SIDE_BY_SIDE)

test-ops: setup ## Rules, alerts and the like, with a real Prometheus (needs more than Python)
	$(BIN)/python -m k8s.tests.ops.tools
	$(BIN)/pytest k8s -m ops

test-k8s: setup ## Manifests, rollouts, drains and scaling on a real control plane (builds it once, Go)
	$(BIN)/python -m k8s.cluster.build
	$(BIN)/pytest k8s/tests/cluster -m cluster -s

sbom: setup ## Writes build/sbom-SERVICE.json (CycloneDX) for each service
	for service in demand replenishment orientation; do \
		$(BIN)/python -m k8s.image.sbom $$service > build/sbom-$$service.json; done

image-steps: setup ## Runs the Dockerfile's own lines without a daemon (SERVICE=orientation)
	$(BIN)/python -m k8s.image.steps $(or $(SERVICE),orientation)

load: setup ## A short form of every load scenario, one table; wants two quiet cores
	$(BIN)/python -m loadtests.load

soak: setup ## Ten minutes of everything at once; wants two quiet cores
	$(BIN)/python -m loadtests.mixed --seconds 600

chaos: setup ## Kills, bad lines, floods, a full disk, jumping clocks, idle and deaf clients; then audits
	$(BIN)/pytest loadtests/tests/test_chaos.py loadtests/tests/test_faults.py \
		loadtests/tests/test_chaos_network.py loadtests/tests/test_chaos_clients.py -m "chaos or slow" -s

oidc: setup ## Access by tokens of a real Keycloak, fetched once (160 MB); a minute to start
	$(BIN)/pytest shared/tests/integration/test_access_keycloak.py -m chaos -s

fuzz: setup ## Ten minutes of broken input to every decoder and every RPC
	$(BIN)/python -m loadtests.fuzz --minutes 10

bench: setup ## Prints the figures that the README promises
	$(BIN)/python -m loadtests.ingest
	$(BIN)/python -m loadtests.score_case
	$(BIN)/python -m loadtests.door
	$(BIN)/python -m loadtests.plan_scale
	$(BIN)/python -m loadtests.plan_warm

clean: ## Removes what was made, keeps the environment
	rm -rf gen build dist .larrey .mypy_cache .ruff_cache

.PHONY: help setup lock run run-real up lint check test test-ops test-k8s sbom image-steps load soak chaos oidc fuzz bench clean
