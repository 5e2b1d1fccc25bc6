PYTHON ?= python3
PORT ?= 8080
REGION ?= us-east-1
ARGS ?=
JOBS ?= 2
BIN := .venv/bin

.PHONY: setup run test node check format reference package scan clean

# The developer CLI in .venv; again after a pull. The other targets do it by themselves.
setup: .venv/.stamp

run: .venv/.stamp
	@$(BIN)/tidings up --port $(PORT) --region $(REGION)

# tests/conftest.py says what goes to which worker.
test: .venv/.stamp
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder $(ARGS)

# For AWS; for an emulator of this machine: make package ARGS="--architecture x86_64".
package: .venv/.stamp
	@$(BIN)/tidings package $(ARGS)

# What the tests take from npm: the page's accessibility checker, the stock Socket.IO client.
node: tests/page/node_modules/.stamp tests/node/node_modules/.stamp

check: .venv/.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Terraform, scanned for what is insecure; .checkov.yaml says what is accepted and why.
scan: .venv-scan/.stamp
	.venv-scan/bin/checkov --config-file .checkov.yaml

# The tables in docs/reference, made from the code.
reference: .venv/.stamp
	$(BIN)/python -m workbench.reference

format: .venv/.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .venv-scan .tidings dist tests/page/node_modules tests/node/node_modules

tests/%/node_modules/.stamp: tests/%/package.json
	npm install --prefix tests/$* --silent --no-audit --no-fund --no-package-lock --ignore-scripts
	@touch $@

.venv-scan/.stamp: requirements-scan.txt
	$(PYTHON) -m venv .venv-scan
	.venv-scan/bin/pip install --quiet --disable-pip-version-check -r requirements-scan.txt
	@touch $@

.venv/.stamp: requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
