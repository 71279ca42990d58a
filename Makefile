# The two commands to know: make demo, make test. Both set up what they need in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Where torch is too large by default, point pip at PyTorch's CPU index: make test TORCH_INDEX=URL
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q \
       -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: setup demo test lint docs bench fuzz wheel clean

setup: $(VENV)/.dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("heschl needs Python 3.11 or newer; say make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# what heschl itself needs, without torch
$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

# everything for tests, benchmarks, checks and documentation
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.core

demo: $(VENV)/.core
	$(BIN)/heschl demo

# in as many processes as there are cores, up to four: some tests need a few GB
test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/encode.py
	$(BIN)/python benchmarks/rsa.py
	$(BIN)/python benchmarks/tuckute2023.py
	$(BIN)/python benchmarks/uncertainty.py
	$(BIN)/python benchmarks/spectrotemporal.py
	$(BIN)/python benchmarks/extraction.py
	$(BIN)/python benchmarks/probes.py
	$(BIN)/python benchmarks/study.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/thousand.py 100
	$(BIN)/python benchmarks/cluster.py
	$(BIN)/python benchmarks/pretraining.py
	$(BIN)/python benchmarks/command_line.py

# every fuzzer for so long: make fuzz SECONDS=1800
SECONDS ?= 600
fuzz: $(VENV)/.dev
	$(BIN)/python fuzz/run.py --seconds $(SECONDS)

# the wheel, installed into a clean environment outside the checkout, runs the demo
wheel: $(VENV)/.dev
	BIN=$(abspath $(BIN)) PYTHON=$(PYTHON) bash .ci/wheel

clean:
	rm -rf $(VENV) build dist docs/_build heschl-demo .pytest_cache .mypy_cache .ruff_cache \
	  .import_linter_cache .hypothesis src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
