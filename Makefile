# make run, make test; `make help` lists the rest. Python 3.11 to 3.13 is all they need.

# As in the Dockerfile: what a crowd took is given back (docs/hosting.md).
frugal := GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1 PYTHONMALLOC=malloc

VENV := .venv
PYTHON ?=
ARGS :=

python := $(VENV)/bin/python
pip := $(python) -m pip install -qq --disable-pip-version-check --require-hashes

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint types imports chromium bench notebook screenshot lock audit sbom clean distclean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.run ## serve the page and open it (ARGS="--server.port 8600")
	@$(frugal) $(python) -m streamlit run server.py $(ARGS)

test: lint types imports chromium ## everything that has to hold (ARGS="-k histogram" for some tests)
	@$(python) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev
	@$(python) -m ruff check --quiet
	@$(python) -m ruff format --check --quiet

types: $(VENV)/.dev
	@$(python) -m mypy

imports: $(VENV)/.dev
	@$(python) $(VENV)/bin/lint-imports --no-logo

# Without one the browser's tests are skipped and say why; where CI is set they fail.
chromium: $(VENV)/.dev ## find a Chromium for the tests, or get one
	@$(python) scripts/chromium.py --install || true

bench: $(VENV)/.dev ## every benchmark, one table each
	@set -e; for file in benchmarks/[!_]*.py; do \
	    echo "== $$file"; $(python) -m benchmarks.$$(basename $$file .py) $(ARGS); \
	done

notebook: $(VENV)/.dev ## run docs/notebook.ipynb and keep what it shows
	@$(python) scripts/notebook.py

screenshot: $(VENV)/.dev chromium ## the pictures of the page
	@$(python) scripts/screenshot.py $(ARGS)

lock: $(VENV)/.dev ## renew requirements.txt and requirements-dev.txt
	@$(call compile,requirements.txt,pyproject.toml)
	@$(call compile,requirements-dev.txt,pyproject.toml --group dev --constraint requirements.txt)

audit: $(VENV)/.dev ## look for known weaknesses in what the page needs
	@$(python) -m pip_audit --disable-pip --require-hashes --progress-spinner off -r requirements.txt

sbom: $(VENV)/.dev ## list what the page needs, as CycloneDX, on the standard output
	@$(python) -m pip_audit --disable-pip --require-hashes --progress-spinner off \
	    --format cyclonedx-json -r requirements.txt

# One lock for every system and Python, and one version of each package in it: a run has to be the
# same everywhere. No addresses in it: which index to ask is the business of whoever installs; the
# hashes say that what comes is what was meant.
compile = $(python) -m uv pip compile --quiet --upgrade --universal --fork-strategy fewest \
    --python-version 3.11 --no-annotate --generate-hashes \
    --custom-compile-command "make lock" --output-file $(1) $(2)

clean: ## remove what tools leave behind
	@rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## remove the virtual environment too
	@rm -rf $(VENV)

$(python):
	@PYTHON="$(PYTHON)" scripts/venv $(VENV)

# Installed again only when the lock has changed.
$(VENV)/.run: requirements.txt $(python)
	@echo "Installing what the page needs (TensorFlow is large: minutes, once) …"
	@$(pip) -r $<
	@touch $@

# After the other, so that two pips never work in one environment.
$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	@echo "Installing what the tests need …"
	@$(pip) -r $<
	@touch $@
