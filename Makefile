# make        everything: the environment, then the default study with its report
# make install   the environment alone
# make test   the tests
# make benchmarks   how fast this machine is, beside peers; writes benchmarks/results
# All are plain commands; with .venv/bin first on the PATH, `snakemake --cores all` works as in any workflow.

export PATH := $(CURDIR)/.venv/bin:$(PATH)

study: .venv/installed
	snakemake --cores all

install: .venv/installed

test: .venv/installed
	pytest -m ""

lint: .venv/installed
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow/Snakefile workflow/rules
	snakemake --lint

# Pinned versions, checked against their hashes.
.venv/installed: requirements.lock
	python3 -m venv .venv
	.venv/bin/python -m pip install --quiet uv==0.13.9
	.venv/bin/uv pip sync --quiet --require-hashes --compile-bytecode --python .venv/bin/python requirements.lock
	touch $@

# More than an hour on two idle cores, 15 GB of disk for a while. torchdistill is measured beside this engine and used
# nowhere else.
benchmarks: .venv/installed
	uv pip install --quiet --no-deps torchdistill==1.1.5
	python benchmarks/epochs.py
	python benchmarks/roofline.py
	python benchmarks/precision.py
	python benchmarks/perceptrons.py
	python benchmarks/scaling.py
	python benchmarks/analysis.py

# After a change of pyproject.toml.
lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --group dev pyproject.toml -o requirements.lock

.PHONY: study install test lint benchmarks lock
