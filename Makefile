PYTHON ?= python3
PORT ?= 8080
REGION ?= us-east-1
REGIONS ?=
PERSIST ?=
ARGS ?=
JOBS ?= 3
BIN := .venv/bin
INSTALL := $(PYTHON) requirements/install.py
RUN := requirements/uv.txt requirements.txt requirements/run.txt pyproject.toml
PERSISTS := $(if $(filter-out 0 no false,$(PERSIST)),--persist)
WHERE := $(if $(strip $(REGIONS)),--regions "$(strip $(REGIONS))",--region "$(REGION)")
# Whatever the console's encoding, files are UTF-8.
export PYTHONUTF8 = 1

.PHONY: setup run test test-all node check format reference docs package lock scan clean

# The `tidings` command in .venv; again after a pull. The other targets install what they need.
setup: .venv/.run

# PERSIST=1 keeps the data for the next run; REGIONS=us-east-1,eu-west-1 runs regions side by side;
# ARGS="--help" names the other options.
run: .venv/.run
	@exec $(BIN)/tidings up --port "$(PORT)" $(WHERE) $(PERSISTS) $(ARGS)

# Needs Python and what setup installs; tests that need Node are skipped without it. test-all adds what
# deploys into emulators, runs Terraform, needs Chromium or takes minutes by itself; first what measures CPU.
test-all: ALL := --all
test test-all: .venv/.test
	$(if $(ALL),$(BIN)/python -m pytest -m alone $(ALL) $(filter --rerun,$(ARGS)))
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder $(ALL) $(ARGS)

# For AWS; for an emulator of this machine: make package ARGS="--architecture x86_64".
package: .venv/.run
	@$(BIN)/tidings package $(ARGS)

# What the tests take from npm: the page's accessibility checker, the stock Socket.IO client, what packs clients/js.
node: tests/node/node_modules/.stamp

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Terraform, scanned for what is insecure; .checkov.yaml says what is accepted and why.
scan: .venv-scan/.scan
	.venv-scan/bin/checkov --config-file .checkov.yaml

# The documentation as a site, into dist/site; ARGS=--serve shows it. It needs npm, for the diagrams.
docs: .venv/.run .venv-docs/.docs
	@$(BIN)/python -m workbench.site $(ARGS)

# The tables in docs/reference, made from the code.
reference: .venv/.dev
	@$(BIN)/python -m workbench.reference

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# After a change of requirements/*.in; ARGS=--upgrade takes the newest versions of all the rest.
lock: .venv/.run
	@$(BIN)/python requirements/lock.py $(ARGS)

clean:
	rm -rf .venv .venv-scan .venv-docs .tidings dist clients/js/node_modules clients/js/dist tests/page/node_modules tests/node/node_modules

.venv/.run: $(RUN)
	@$(INSTALL) run
	@touch $@

.venv/.test .venv/.dev: .venv/.%: requirements/%.txt .venv/.run
	@$(INSTALL) $*
	@touch $@

.venv-scan/.scan: requirements/uv.txt requirements/scan.txt
	@$(INSTALL) scan
	@touch $@

.venv-docs/.docs: requirements/uv.txt requirements/docs.txt
	@$(INSTALL) docs
	@touch $@

tests/node/node_modules/.stamp: $(foreach part,clients/js tests/node tests/page,$(part)/package.json $(part)/package-lock.json)
	@$(INSTALL) node
	@touch $@
