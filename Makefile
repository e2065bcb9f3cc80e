# Everything a newcomer needs. Python 3.11 or newer, make and git are enough; with a C compiler the
# native kernel is built too.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Every install takes the versions of constraints.txt, those of the build tools too.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test test-cluster test-export test-web lint format bench bench-decoding bench-peers \
    bench-platforms chaos weather soak sanitize clean

# Start the bot; without tokens it is a chat in the terminal.
run: $(VENV)/.installed
	@$(BIN)/litteragpt bot

test: $(VENV)/.installed-dev
	$(BIN)/pytest

# That llama.cpp runs what is exported. It is built from source, once, into an environment of its
# own, which takes about ten minutes on two cores; from then on `make test` runs these tests too.
LLAMA := .venv-llama
LLAMA_VERSION := $(shell sed -n 's/^llama_cpp_python==//p' constraints.txt)
test-export: $(VENV)/.installed-dev $(LLAMA)/.installed-$(LLAMA_VERSION)
	$(BIN)/pytest tests/model/exchange

# The page in a real browser: Debian's Chromium, unless there is one or CHROMIUM names one
test-web: $(VENV)/.installed-dev
	@$(BIN)/python -m pip install --quiet --editable ".[browser]"
	@$(BIN)/python -m tests.bot.web.browsers || apt-get install --yes --no-install-recommends chromium
	$(BIN)/pytest tests/bot/web

# Several processes that work together
test-cluster: $(VENV)/.installed-dev
	@$(BIN)/python -m pip install --quiet --editable ".[cluster]"
	$(BIN)/pytest tests/cluster

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

# How fast characters come, from this decoder and others, one request and many
bench-decoding: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.decoding

# The same beside transformers, CTranslate2 and llama.cpp with the same weights, in an environment of
# their own (llama.cpp is compiled, which takes about ten minutes), and a picture of it
PEERS := build/peers
bench-peers:
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --editable ".[training,export]" \
	    ctranslate2 llama-cpp-python
	$(PEERS)/bin/python -m benchmarks.decoding --peers build/exports --save build/decoding.json
	$(PEERS)/bin/python -m benchmarks.plots build/decoding.json docs/decoding.png

# The whole bot with fifty people at once on each platform
bench-platforms: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.platforms

# Kill the bot so many times while people ask; bad weather on both platforms; steady work for long:
# what is lost, what comes twice, what grows
KILLS ?= 1000
MINUTES ?= 30
chaos: $(VENV)/.installed-dev
	$(BIN)/python -m tests.chaos --kills $(KILLS)

weather: $(VENV)/.installed-dev
	$(BIN)/python -m tests.chaos.weather

soak: $(VENV)/.installed-dev
	$(BIN)/python -m tests.chaos.soak --minutes $(MINUTES)

# The kernel under the sanitizers of the C compiler: memory and undefined behaviour, then threads
KERNEL := $(wildcard model/native/*.[ch])
SANITIZED := -std=c11 -D_GNU_SOURCE -O1 -g -ffp-contract=off -Wall -Wextra -Wno-psabi -Imodel/native
sanitize:
	@mkdir -p build
	$(CC) $(SANITIZED) -fsanitize=address,undefined -fno-sanitize-recover=all -o build/sanitize \
	    tests/model/kernel_driver.c $(filter %.c,$(KERNEL)) -pthread -lm
	ASAN_OPTIONS=detect_leaks=0 build/sanitize
	$(CC) $(SANITIZED) -fsanitize=thread -o build/sanitize \
	    tests/model/kernel_driver.c $(filter %.c,$(KERNEL)) -pthread -lm
	build/sanitize

$(VENV)/.installed: pyproject.toml constraints.txt $(wildcard model/native/*.[ch])
	@echo "Installing LitteraGPT into $(VENV); the first time this takes a few minutes."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --editable ".[training,export,dev]"
	@touch $@

$(LLAMA)/.installed-$(LLAMA_VERSION):
	@echo "Building llama.cpp into $(LLAMA); this takes some minutes and needs a C++ compiler."
	@test -x $(LLAMA)/bin/python || $(PYTHON) -m venv $(LLAMA)
	@CMAKE_ARGS="-DLLAVA_BUILD=OFF" $(LLAMA)/bin/python -m pip install --quiet llama_cpp_python
	@touch $@

clean:
	rm -rf $(VENV) $(LLAMA) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f model/native/*.so
