# make quick | study | plan | data | figures | provenance | verify | test | test-long | slurm-test | lint | bench: each sets up what it needs by itself, in .venv.
SHELL := /bin/bash
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN := .venv/bin
STUDIES = $(if $(strip $(STUDY)),--study "$(STUDY)")
# Drawing needs no display, and no library may start more threads than its job was given.
export MPLBACKEND := Agg
export PYTHONPATH :=

.PHONY: quick study plan data figures provenance verify test test-long slurm-test lint bench clean

# A first look: a small study with a picture and a report, in a folder of its own.
quick: .venv/ready
	@$(BIN)/python scripts/manage.py run --study quick --cores $(CORES) --config results=quick scale=demo $(ARGS)
	@echo 'next: make study STUDY=mixture is the whole of it, make study all default studies, make plan what they cost'

# All default studies and their report, or those that are named: make study STUDY="mixture moons"
study: .venv/ready
	@$(BIN)/python scripts/manage.py run $(STUDIES) --cores $(CORES) $(ARGS)

# The same without running it: jobs, core-hours, memory, disk, as far as they were measured.
plan: .venv/ready
	@$(BIN)/python scripts/manage.py plan $(STUDIES) --cores $(CORES) $(ARGS)

data: .venv/ready
	@$(BIN)/python scripts/manage.py run --cores $(CORES) --keep-going $(ARGS) data

figures: .venv/ready
	$(BIN)/python scripts/manage.py redraw $(ARGS)

# Where a figure or table comes from, on a page, or with ARGS=--all file by file:
# make provenance RESULT=results/mixture/figures/trajectory.pdf
provenance: .venv/ready
	@$(BIN)/python scripts/manage.py trace $(ARGS) $(RESULT)

# Which results are not as they were written; ARGS=--rebuild makes them again.
verify: .venv/ready
	@$(BIN)/python scripts/manage.py verify $(ARGS)

# A file's tests stay together, for what they share is built once.
test: .venv/ready
	$(BIN)/pytest -m "not slurm and not long" --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder $(PYTEST)

# What takes long: full sizes, many kills, every printed command, all regimes; of each of these `make test` has a case.
test-long: .venv/ready
	$(BIN)/pytest -m "long and not slurm" --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder $(PYTEST)

# As root on Debian; elsewhere it says why it does not run.
slurm-test: .venv/ready
	$(BIN)/pytest -m slurm -rs $(PYTEST)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy scripts/recurate scripts/snakemake_logger_plugin_recurate scripts/*.py scripts/bench/*.py
	$(BIN)/snakemake --lint

bench: .venv/ready
	$(BIN)/python scripts/bench/run.py $(ARGS)

clean:
	rm -rf .venv .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/ready: envs/lock.txt envs/lock-alone.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed; name one with make PYTHON=..")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --requirement envs/lock.txt --constraint envs/lock-cuda.txt
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --no-deps --requirement envs/lock-alone.txt
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true  # on all cores; some files are of other versions of Python
	touch $@
