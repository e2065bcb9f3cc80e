# Everything a newcomer needs. Python 3.11 or newer, make and git are enough.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Every install takes the versions of constraints.txt, those of the build tools too.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test lint format bench clean

# Start the bot; without tokens it is a chat in the terminal.
run: $(VENV)/.installed
	@$(BIN)/litteragpt bot

test: $(VENV)/.installed-dev
	$(BIN)/pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What the bundled checkpoint writes and how fast; needs a built data set: make bench DATA=folder
bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.answers --data $(DATA)
	$(BIN)/python -m benchmarks.load

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing LitteraGPT into $(VENV); the first time this takes a few minutes."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --editable ".[training,dev]"
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
