# make             everything: the environment, then the default study with its report
# make quick       the same in small, in two minutes: does it run here, and what comes out?
# make install     the environment alone
# make test        the tests
# make benchmarks  how fast this machine is, beside peers; writes benchmarks/results
# All are plain commands; with .venv/bin first on the PATH, `snakemake --cores all` works as in any workflow.

export PATH := $(CURDIR)/.venv/bin:$(PATH)

# $(call report,FILE): where the report of the study is that FILE configures.
report = @echo "The report is in $(CURDIR)/results/$$(sed -n 's/^study: *//p' $(1))/report.html"

study: .venv/installed
	snakemake --cores all
	$(call report,config.yaml)

quick: .venv/installed
	snakemake --cores all --configfile workflow/studies/smoke.yaml
	$(call report,workflow/studies/smoke.yaml)

install: .venv/installed

# The tests skip what needs a missing package, and say so; with CI=true they fail. Three at a time keep two cores busy, since
# those on a cluster mostly wait.
test: .venv/installed
	-tests/install_debian_packages.sh
	pytest -m "" -n 3

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

# After a change of the schema.
reference: .venv/installed
	python docs/make_reference.py > docs/reference.md

# After a change of pyproject.toml.
lock:
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --group dev pyproject.toml -o requirements.lock

.PHONY: study quick install test lint benchmarks reference lock
