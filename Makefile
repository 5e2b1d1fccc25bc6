PYTHON ?= python3
PORT ?= 8080
REGION ?= us-east-1
ARGS ?=
BIN := .venv/bin

.PHONY: run test check format clean

run: .venv/.stamp
	@$(BIN)/tidings up --port $(PORT) --region $(REGION)

test: .venv/.stamp
	$(BIN)/python -m pytest $(ARGS)

check: .venv/.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .tidings

.venv/.stamp: requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
