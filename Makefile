# Everything a newcomer needs. Python 3.11 or newer, make and git are enough; with a C compiler the
# native kernel is built too.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Every install takes the versions of constraints.txt, those of the build tools too. The path is
# relative, since pip would take a space in it for the end of a first file's name.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test test-cluster test-export test-kernels test-web lint format docs tables pictures \
    bench bench-decoding bench-gpu bench-peers bench-platforms ladder speedrun capacity simulate chaos \
    chaos-postgres chaos-cluster weather soak sanitize image test-image clean

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

# The kernels for a GPU, interpreted, and compiled for one: that needs no GPU, but Triton (690 MB)
test-kernels: $(VENV)/.installed-dev
	@$(BIN)/python -m pip install --quiet triton
	$(BIN)/pytest tests/model/cuda/test_triton_step.py

# The page in a real browser: Debian's Chromium, unless there is one or CHROMIUM names one
test-web: $(VENV)/.installed-dev
	@$(BIN)/python -m pip install --quiet --editable ".[browser]"
	@$(BIN)/python -m tests.bot.adapters.web.browsers || apt-get install --yes --no-install-recommends chromium
	$(BIN)/pytest tests/bot/adapters/web

# Several processes that work together. PostgreSQL is Debian's, unless there is one.
test-cluster: $(VENV)/.installed-dev
	@$(BIN)/python -m pip install --quiet --editable ".[cluster]"
	@$(BIN)/python -m tests.cluster.postgres || \
	    apt-get install --yes --no-install-recommends postgresql
	$(BIN)/pytest tests/cluster

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The documentation as a site, in build/site; a warning is an error (but not with --quiet)
docs: $(VENV)/.installed-docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# What the documentation has of the program: tables of settings and commands, .env.example
tables: $(VENV)/.installed-dev
	$(BIN)/python -m docs.generate

# What the bundled checkpoint writes, whether in the manner of whom it is asked for, and how fast;
# needs the data set that it was trained on: make bench DATA=folder
bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.answers --data $(DATA) --picture build/answers.png
	$(BIN)/python -m benchmarks.styles --data $(DATA)
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

# How fast a GPU writes, in every way there is, beside transformers and vLLM where they are installed
# and what the card could read; about five minutes. Then the tests that need a GPU
bench-gpu: $(VENV)/.installed-dev
	@mkdir -p build
	$(BIN)/python -m benchmarks.gpu --peers build/exports-gpu --save build/gpu.json
	$(BIN)/pytest -m gpu tests

# The whole bot with fifty people at once on each platform
bench-platforms: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.platforms

# The README's pictures, from what the program says
pictures: $(VENV)/.installed-dev
	$(BIN)/python -m docs.generate.pictures

# Recipes of training, one change after the other, on the data sets in data/; a GPU makes it hours,
# not weeks. Stopped, or out of time (make ladder LIMIT=540, seconds), it goes on the next time.
ladder: $(VENV)/.installed-dev
	$(BIN)/python -m training.ladder $(ROWS) --page docs/training-log.md \
	    $(if $(LIMIT),--budget-seconds $(LIMIT))

# How long a recipe trains until the published model's loss, beside the published recipe
speedrun: $(VENV)/.installed-dev
	$(BIN)/python -m training.speedrun --page docs/training-log.md \
	    $(if $(LIMIT),--budget-seconds $(LIMIT))

# What one core, one bot process and one PostgreSQL take (PostgreSQL 15 from Debian's packages)
CAPACITY := build/capacity.json
capacity: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.capacity --save $(CAPACITY)

# A day of 100,000 servers and ten million people, and what docs/scale.md says besides; with
# FIGURES=build/capacity.json on the machine that was measured there
FIGURES := benchmarks/simulation/figures.json
SIMULATION = $(BIN)/python -m benchmarks.simulation --figures $(FIGURES)
simulate: $(VENV)/.installed-dev
	$(SIMULATION) day --fraction 0.125 --save build/day.json --picture docs/scale-day.png
	$(SIMULATION) sizes --save build/sizes.json --picture docs/scale-sizes.png
	$(SIMULATION) one --save build/one.json
	$(SIMULATION) telegram --save build/telegram.json
	$(SIMULATION) losses --save build/losses.json
	$(SIMULATION) failures --save build/failures.json

# Kill the bot so many times while people ask; bad weather on both platforms; steady work for long:
# what is lost, what comes twice, what grows
KILLS ?= 1000
MINUTES ?= 30
chaos: $(VENV)/.installed-dev
	$(BIN)/python -m tests.chaos --kills $(KILLS)

# The same with three processes over one PostgreSQL
chaos-postgres: $(VENV)/.installed-dev
	$(BIN)/python -m tests.chaos --kills $(KILLS) --database postgresql

# The same with a Ray cluster as well, every part of which is hit in turn
chaos-cluster: $(VENV)/.installed-dev
	@$(BIN)/python -m pip install --quiet --editable ".[cluster]"
	$(BIN)/python -m tests.chaos --kills $(KILLS) --executor ray

weather: $(VENV)/.installed-dev
	$(BIN)/python -m tests.chaos.weather

soak: $(VENV)/.installed-dev
	$(BIN)/python -m tests.chaos.soak --minutes $(MINUTES)

# The kernel under the sanitizers of the C compiler: memory and undefined behaviour, then threads
KERNEL := $(wildcard model/native/*.[ch] model/native/*.inc)
SANITIZED := -std=c11 -D_GNU_SOURCE -O1 -g -ffp-contract=off -Wall -Wextra -Wno-psabi -Imodel/native
sanitize:
	@mkdir -p build
	$(CC) $(SANITIZED) -fsanitize=address,undefined -fno-sanitize-recover=all -o build/sanitize \
	    tests/model/kernel_driver.c $(filter %.c,$(KERNEL)) -pthread -lm
	ASAN_OPTIONS=detect_leaks=0 build/sanitize
	$(CC) $(SANITIZED) -fsanitize=thread -o build/sanitize \
	    tests/model/kernel_driver.c $(filter %.c,$(KERNEL)) -pthread -lm
	build/sanitize

# The container image, with docker, podman or buildah; EXTRAS=torch adds PyTorch
image:
	@$(PYTHON) deploy/image.py --extras "$(EXTRAS)"

# The image, built and run; as root where only buildah is installed
test-image: $(VENV)/.installed-dev
	TEST_IMAGE=1 $(BIN)/pytest tests/bot/operating/test_image.py

# What is half made would be taken for good the next time, so nothing of it stays.
define MAKE_VENV
$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
    echo "Hace falta Python 3.11 o posterior; si tiene otro, nómbrelo: make run PYTHON=python3.12"; \
    exit 1; \
}; \
$(PYTHON) -m venv "$(VENV)" || { \
    rm -rf "$(VENV)"; \
    echo "Falta una parte de Python; en Debian y Ubuntu, instale el paquete python3-venv."; \
    exit 1; \
}
endef

$(VENV)/.installed: pyproject.toml constraints.txt $(wildcard model/native/*.[ch] model/native/*.inc)
	@test -x $(BIN)/python || { $(MAKE_VENV); }
	@echo "Instalo LitteraGPT en $(VENV); la primera vez tarda unos minutos, sin decir nada."
	@$(BIN)/python -m pip install --quiet --editable ".[torch]"
	@ls model/native/_kernel*.so > /dev/null 2>&1 || echo "Sin compilador de C (gcc o clang) \
	escribe PyTorch, mucho más despacio; cuando lo haya, repita la instalación con «make -B run»."
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --editable ".[training,export,benchmarks,dev]"
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --editable ".[docs]"
	@touch $@

$(LLAMA)/.installed-$(LLAMA_VERSION):
	@echo "Building llama.cpp into $(LLAMA); this takes some minutes and needs a C++ compiler."
	@test -x $(LLAMA)/bin/python || $(PYTHON) -m venv $(LLAMA)
	@CMAKE_ARGS="-DLLAVA_BUILD=OFF" $(LLAMA)/bin/python -m pip install --quiet llama_cpp_python
	@touch $@

clean:
	rm -rf $(VENV) $(LLAMA) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f model/native/*.so
