# Needs Python 3.11 or newer, make and git; with a C compiler the native kernel is built too.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Every install, build tools included, takes the versions of constraints.txt. The path is relative,
# since pip splits it at spaces.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test lint format docs tables bench ladder speedrun chaos sanitize image test-image clean

# The variant of a target: `make test WHAT=web`, or `make test-web` for short.
WHAT ?=
chosen = $(or $($(1)_$(WHAT)),$(error make $(1) has no WHAT=$(WHAT)))
test-%:
	@$(MAKE) test WHAT=$*
docs-%:
	@$(MAKE) docs WHAT=$*
bench-%:
	@$(MAKE) bench WHAT=$*
chaos-%:
	@$(MAKE) chaos WHAT=$*

INSTALL := $(BIN)/python -m pip install --quiet

# Start the bot; without tokens it is a chat in the terminal.
run: $(VENV)/.installed
	@$(BIN)/litteragpt bot

# cluster: several processes, with Debian's PostgreSQL unless there is one, and Ray.
# export: llama.cpp runs the exported files. It is built from source once, into an environment of its
#     own, which takes about ten minutes on two cores; from then on `make test` runs these tests too.
# kernels: the GPU kernels, interpreted and compiled, without a GPU but with Triton (690 MB).
# web: the page in a real browser, Debian's Chromium unless there is one or CHROMIUM names one.
LLAMA := .venv-llama
LLAMA_VERSION := $(shell sed -n 's/^llama_cpp_python==//p' constraints.txt)
LLAMA_READY := $(LLAMA)/.installed-$(LLAMA_VERSION)
APT := apt-get install --yes --no-install-recommends
test_ = $(BIN)/pytest
test_cluster = $(INSTALL) --editable ".[cluster]" && \
    { $(BIN)/python -m tests.cluster.postgres || $(APT) postgresql; } && $(BIN)/pytest tests/cluster
test_export = $(BIN)/pytest tests/model/exchange
test_kernels = $(INSTALL) triton && $(BIN)/pytest tests/model/cuda/test_triton_step.py
test_web = $(INSTALL) --editable ".[browser]" && \
    { $(BIN)/python -m tests.bot.adapters.web.browsers || $(APT) chromium; } && \
    $(BIN)/pytest tests/bot/adapters/web
test: $(VENV)/.installed-dev $(if $(filter export,$(WHAT)),$(LLAMA_READY))
	$(call chosen,test)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The documentation as a site, in build/site; a warning is an error (but not with --quiet).
# pictures: the README's pictures, drawn from the program's output.
docs_ = NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
docs_pictures = $(BIN)/python -m docs.generate.pictures
docs: $(VENV)/.installed-$(if $(WHAT),dev,docs)
	@$(call chosen,docs)

# The generated parts of the documentation: tables of settings and commands, .env.example
tables: $(VENV)/.installed-dev
	$(BIN)/python -m docs.generate

# The bundled checkpoint's texts, the styles' authorship and the speed; needs the data set of its
# training: make bench DATA=folder.
# decoding: characters per second of every decoder, one request and many.
# peers: the same beside transformers, CTranslate2 and llama.cpp with the same weights, in an
#     environment of their own (llama.cpp is compiled, about ten minutes), with a picture.
# gpu: every way of a GPU beside transformers and vLLM where they are installed, and the memory limit;
#     about five minutes, then the tests that need a GPU.
# platforms: the whole bot with fifty requesters at once on each platform.
# capacity: one core, one bot process and one PostgreSQL (PostgreSQL 15 from Debian's packages).
# simulation: machines, waits and costs for docs/scale.md; FIGURES=build/capacity.json for this machine.
PEERS := build/peers
CAPACITY := build/capacity.json
FIGURES := benchmarks/simulation/figures.json
BENCH := $(BIN)/python -m benchmarks
bench_ = $(BENCH).answers --data $(DATA) --picture build/answers.png && \
    $(BENCH).styles --data $(DATA) && $(BENCH).load
bench_decoding = $(BENCH).decoding
bench_peers = { test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS); } && \
    $(PEERS)/bin/python -m pip install --quiet --editable ".[training,export]" \
        ctranslate2 llama-cpp-python && \
    $(PEERS)/bin/python -m benchmarks.decoding --peers build/exports --save build/decoding.json && \
    $(PEERS)/bin/python -m benchmarks.plots build/decoding.json docs/decoding.png
bench_gpu = mkdir -p build && \
    $(BENCH).gpu --peers build/exports-gpu --save build/gpu.json && $(BIN)/pytest -m gpu tests
bench_platforms = $(BENCH).platforms
bench_capacity = $(BENCH).capacity --save $(CAPACITY)
bench_simulation = $(BENCH).simulation --figures $(FIGURES) --save build/simulation.json
bench: $(VENV)/.installed-dev
	$(call chosen,bench)

# Training recipes, one change after the other, on the data sets in data/: hours on a GPU, weeks
# without. A stopped run, or one out of time (make ladder LIMIT=540, seconds), continues next time.
ladder: $(VENV)/.installed-dev
	$(BIN)/python -m training.ladder $(ROWS) --page docs/training-log.md \
	    $(if $(LIMIT),--budget-seconds $(LIMIT))

# The time a recipe trains until the published model's loss, beside the published recipe
speedrun: $(VENV)/.installed-dev
	$(BIN)/python -m training.speedrun --page docs/training-log.md \
	    $(if $(LIMIT),--budget-seconds $(LIMIT))

# Kill the bot KILLS times under load, and count lost and repeated answers.
# postgres: three processes over one PostgreSQL. cluster: a Ray cluster as well, each part in turn.
# weather: faults of both platforms. soak: steady load for MINUTES; growth of memory and files.
KILLS ?= 1000
MINUTES ?= 30
CHAOS := $(BIN)/python -m tests.chaos
chaos_ = $(CHAOS) --kills $(KILLS)
chaos_postgres = $(CHAOS) --kills $(KILLS) --database postgresql
chaos_cluster = $(INSTALL) --editable ".[cluster]" && $(CHAOS) --kills $(KILLS) --executor ray
chaos_weather = $(CHAOS).weather
chaos_soak = $(CHAOS).soak --minutes $(MINUTES)
chaos: $(VENV)/.installed-dev
	$(call chosen,chaos)

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

# An incomplete environment would pass for a complete one the next time, so it is removed.
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

$(LLAMA_READY):
	@echo "Building llama.cpp into $(LLAMA); this takes some minutes and needs a C++ compiler."
	@test -x $(LLAMA)/bin/python || $(PYTHON) -m venv $(LLAMA)
	@CMAKE_ARGS="-DLLAVA_BUILD=OFF" $(LLAMA)/bin/python -m pip install --quiet llama_cpp_python
	@touch $@

clean:
	rm -rf $(VENV) $(LLAMA) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f model/native/*.so
