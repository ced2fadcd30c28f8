# Everything starts here: `make` lists the targets. On a fresh machine it needs git, make, Python 3.11
# and a C compiler; the rest is fetched by pinned hash or built, into .venv and the user's cache.

# Read from the environment by the programs, so that no shell ever sees a value.
CLUSTER ?=
CLUSTER_NAME ?= demo
IMAGES ?=
STORE_NAME ?= demo
export CLUSTER CLUSTER_NAME IMAGES STORE_NAME

VENV := .venv
PYTHON := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help bootstrap demo demo-down url cluster cluster-down doctor kubeconfig binaries images \
        test test-unit test-cluster test-node test-e2e test-browser test-torch lint fmt generate talk page train-face \
        store store-down bench-operator bench-runtime bench-backup lock clean

help: ## Show this help
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nVariables\n  CLUSTER=kwok|node|kind  kwok simulates nodes; node runs real Pods as root on Linux; kind needs an engine and shows no demo\n'
	@printf '  CLUSTER_NAME=demo     several clusters run side by side under different names\n'
	@printf '  IMAGES=all            which images to build: operator, runtime-cpu, backup, runtime-gpu, all\n'

##@ Try it

demo: bootstrap ## Start a cluster and the operator in it, and show them at work
	@$(PYTHON) -m tools.demo up

url: bootstrap ## Print where the face of the running demo talks
	@$(PYTHON) -m tools.demo url

demo-down: bootstrap ## Stop the demo and remove everything of it
	@$(PYTHON) -m tools.demo down

talk: bootstrap ## Start the runtime alone and print where the face talks
	@$(PYTHON) -m tools.talk

##@ Local cluster

cluster: bootstrap ## Start an empty cluster (or keep the one that runs)
	@$(PYTHON) -m tools.cluster up

cluster-down: bootstrap ## Stop it and remove everything of it
	@$(PYTHON) -m tools.cluster down

doctor: bootstrap ## Say which kinds of cluster this machine can run, and what it lacks
	@$(PYTHON) -m tools.cluster doctor

kubeconfig: bootstrap ## Print the path of its kubeconfig: KUBECONFIG=$(make -s kubeconfig)
	@$(PYTHON) -m tools.cluster kubeconfig

binaries: bootstrap ## Build Kubernetes, etcd and kwok into the user's cache (cluster does it too)
	@$(PYTHON) -m tools.binaries "$${CLUSTER:-kwok}"

store: bootstrap ## Start an S3 server to try backups with, and print where: eval "$(make -s store)"
	@$(PYTHON) -m tools.store up

store-down: bootstrap ## Stop it and remove its data
	@$(PYTHON) -m tools.store down

##@ Images

images: bootstrap ## Build the container images into build/images: IMAGES=all for the GPU's too
	@$(PYTHON) -m tools.images build

##@ Check

test: bootstrap ## All checks, cheap ones first: lint, unit, wire, browser, cluster, torch, e2e
	@$(PYTHON) -m tools.checks lint unit wire browser cluster torch e2e

lint: bootstrap ## Formatting, lint rules, types, import rules, locks, generated files
	@$(PYTHON) -m tools.checks lint

test-unit: bootstrap ## Tests that need no cluster
	@$(PYTHON) -m tools.checks unit

test-cluster: bootstrap ## Tests against a real control plane
	@$(PYTHON) -m tools.checks cluster

test-node: bootstrap ## Tests with real Pods on a node of this machine, as root on Linux
	@$(PYTHON) -m tools.checks node

test-e2e: bootstrap ## Tests with our images in real Pods, as root on Linux
	@$(PYTHON) -m tools.checks e2e

test-browser: bootstrap ## Tests of the avatar page in a real Chromium
	@$(PYTHON) -m tools.checks browser

test-torch: bootstrap ## Tests of what needs torch, in an environment of their own (5 GB)
	@$(PYTHON) -m tools.checks torch

bench-operator: bootstrap ## Measure the operator against a real control plane
	@$(PYTHON) -m tools.bench.operator

bench-runtime: bootstrap ## Measure the runtime: first audio, lip sync, streams, chat
	@$(PYTHON) -m tools.bench.runtime

bench-backup: bootstrap ## Measure the backup tool against boto3 alone and restic: 1 GiB, some ten minutes
	@$(PYTHON) -m tools.bench.backup

##@ Change it

fmt: bootstrap ## Format the code and fix what can be fixed by itself
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

generate: bootstrap ## Write the CRDs, config/ and the reference pages from the models
	@$(PYTHON) -m digital_human_operator.api.generate
	@$(PYTHON) -m config.generate
	@$(PYTHON) -m digital_human_runtime.settings.reference

page: bootstrap ## Build the avatar page from runtime/avatar
	@$(PYTHON) -m tools.page

train-face: bootstrap ## Train the face network again and check it against its gates
	@sh tools/bootstrap.sh torch && .venv-torch/bin/python -m digital_human_training

lock: bootstrap ## Resolve the dependencies again and write requirements/
	@$(PYTHON) -m tools.lock

bootstrap: # Prepare .venv; a fraction of a second when nothing changed
	@sh tools/bootstrap.sh

clean: ## Remove what was built in this checkout (clusters first; the user's cache stays)
	@if [ -d build/cluster ]; then sh tools/bootstrap.sh && $(PYTHON) -m tools.cluster down-all; fi
	@if [ -d build/store ]; then sh tools/bootstrap.sh && $(PYTHON) -m tools.store down-all; fi
	@rm -rf build $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
