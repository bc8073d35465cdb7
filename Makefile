# Two commands on a fresh machine: `make demo` and `make test`. Everything else is for developers.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# One thread per process: the work is spread over processes, and pools on top only fight.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-slow bench lint format clean

demo: $(VENV)/.core
	$(BIN)/umm-evals demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m "slow"

bench: $(VENV)/.dev
	$(BIN)/python -m tests.performance

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv

$(VENV)/.core: $(BIN)/uv pyproject.toml constraints.txt
	@echo "Setting up the core (no torch) in $(VENV) ..."
	test -e $(VENV)/.dev || $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(BIN)/uv pyproject.toml constraints.txt
	@echo "Setting up everything, torch included (about 7 GB), in $(VENV) ..."
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt \
	  --override overrides-opencv.txt -e ".[all,dev]"
	touch $@ $(VENV)/.core

clean:
	rm -rf $(VENV) runs report.html report_files
