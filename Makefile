# Every target sets itself up on a machine with Python 3.11+ and nothing else.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

.PHONY: help setup demo demo-quick test check format reference docs dist bench bench-gpu clean

help:           ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup: $(VENV)/.done  ## create .venv with the versions in constraints.txt (with uv if installed, else pip)

# torch and torchvision must be installed together from one index, because their builds must match.
$(VENV)/.done: pyproject.toml constraints.txt
	@echo "installing into $(VENV): 7 GB, about five minutes on two cores"
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'; \
	else \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; \
	fi
	@touch $@

demo: setup     ## pretrain, finetune and compare on a generated data set: under 12 minutes on 2 cores
	$(BIN)/codo demo --out demo_out

demo-quick: setup  ## the same in under 3 minutes, too short for meaningful numbers
	$(BIN)/codo demo --quick --out demo_quick_out

test: setup     ## the test suite: 13 minutes on 2 cores
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

check: setup    ## linters, types, and a check that the reference is up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python docs/build_reference.py --check

format: setup   ## let ruff fix and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

reference: setup  ## write docs/reference/{settings,recipes,findings}.md from their sources
	$(BIN)/python docs/build_reference.py

docs: setup     ## the site, into docs/_build/html; NOTEBOOKS=off leaves out what notebooks print
	$(BIN)/python -m sphinx -q -W --keep-going -d docs/_build/doctrees $(if $(NOTEBOOKS),-D nb_execution_mode=$(NOTEBOOKS)) docs docs/_build/html
	$(BIN)/python docs/check_site.py docs/_build/html

dist: setup     ## source archive and wheel, into dist/
	$(BIN)/python -m build --no-isolation --outdir dist

bench: setup    ## benchmarks on 2 cores, into docs/results: about an hour; DATA= a folder of photographs
	$(BIN)/python -m benchmarks --out docs/results $(if $(DATA),--data $(DATA))

bench-gpu: setup  ## benchmark of the training step on a GPU, into docs/results; DATA= a folder of photographs
	$(BIN)/python -m benchmarks --gpu --out docs/results $(if $(DATA),--data $(DATA))

clean:          ## remove the output of the other targets
	rm -rf $(VENV) demo_out demo_quick_out build dist docs/_build src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
