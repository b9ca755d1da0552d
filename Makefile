# Everything runs in .venv, which is made from envs/requirements.lock and remade when the lock changes.
PYTHON ?= python3
CORES ?= all
ARGS ?=
# Snakemake's own report: every result with its code and settings.
REPORT ?= results/snakemake-report.html

BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake
SOURCES := workflow_scripts tests benchmarks docs
# The order of the test files. The first that needs a finished smoke run makes it for all. While one
# worker runs SLURM's tests, the other begins with tests that need no smoke run.
LONG_TESTS := tests/cluster tests/reruns tests/interruptions tests/damage tests/workflow
# How many tests run at a time; Snakemake, in the long tests, uses up to two cores for each.
WORKERS ?= 2

.PHONY: run demo open test lint bench gpu-check report docs setup lock

run: setup
	@$(SNAKEMAKE) --cores $(CORES) $(ARGS)

# A first look at real sounds: make demo SOUNDS=folder MUSIC=folder, and ONLY=esc10=True for a part of ESC-50.
demo: setup
	@test -d "$(SOUNDS)" && test -d "$(MUSIC)" || { echo "error: say make demo SOUNDS=FOLDER MUSIC=FOLDER, with a folder of everyday sounds (600 MB: git clone --depth 1 https://github.com/karolpiczak/ESC-50) and one of your music (40 tracks or more); docs/esc50.md says more" >&2; exit 1; }
	@rm -f results/demo.tsv
	@PYTHONPATH=workflow_scripts $(BIN)/python -m music_detectors.listing "$(SOUNDS)" --music "$(MUSIC)" $(if $(ONLY),--only $(ONLY)) --output results/demo.tsv
	@$(SNAKEMAKE) --cores $(CORES) --configfile config/demo.yaml $(ARGS)

# The newest report page of a run, in the browser.
open:
	@page=$$(ls -t results/*/report.html 2>/dev/null | head -n 1); \
	test -n "$$page" || { echo "error: there is no results/*/report.html yet; make run writes one" >&2; exit 1; }; \
	echo "report   $$page"; $(PYTHON) -m webbrowser "file://$(CURDIR)/$$page" >/dev/null

report: setup
	@$(SNAKEMAKE) --report $(REPORT) $(ARGS)
	@echo "report   $(REPORT)"

# Quick tests first: if one fails, the long ones do not run.
test: setup
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests/unit tests/attack
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(LONG_TESTS)

lint: setup
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/python -m mypy
	@$(BIN)/snakefmt --check Snakefile rules
	@$(SNAKEMAKE) --lint

# The tables of docs/reruns.md, and docs/outputs.md. Tests fail if either is out of date.
docs: setup
	@PYTHONPATH=workflow_scripts:tests $(BIN)/python -m reruns.page
	@$(BIN)/python docs/outputs.py

bench: setup
	@for benchmark in benchmarks/bench_*.py; do PYTHONPATH=workflow_scripts:tests $(BIN)/python $$benchmark || exit 1; done

# Whether this GPU gives the same bytes each time, and how fast it is; the report is in
# results/gpu-check. It takes some minutes.
gpu-check: setup
	@cd workflow_scripts && ../$(BIN)/python -m music_detectors.gpu_check ../results/gpu-check

setup:
	@cmp -s envs/requirements.lock .venv/requirements.lock || $(MAKE) --no-print-directory .venv/made

.PHONY: .venv/made
.venv/made:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("error: Python 3.11 or newer is needed, and $(PYTHON) is %d.%d; say make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Setting up .venv (some 6 GB, of which most is PyTorch) ..."
	@$(PYTHON) -m venv .venv || { echo "error: $(PYTHON) -m venv failed; on Debian and Ubuntu install the package python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r envs/requirements.lock
	@cp envs/requirements.lock .venv/requirements.lock

lock:
	@uv pip compile --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url \
		--no-header --quiet envs/requirements.in -o envs/requirements.lock
