# Everything happens in .venv/; `make` alone lists the targets. What runs scenarios is installed from
# requirements.lock. All other targets install requirements-dev.lock into the same place.
.DEFAULT_GOAL := help
PYTHON ?= python3
comma := ,
# A PYTHON that was asked for is the one that uv takes, too.
UV_PYTHON := $(if $(filter file,$(origin PYTHON)),>=3.11$(comma)<3.14,$(PYTHON))
VENV := .venv
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
NAME ?=
ARGS ?=
export NAME

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEV_STAMP)  ## make .venv/ with all that development needs (uv if there is one, else venv + pip)

scenario: need-name $(STAMP)  ## run a scenario: make scenario NAME=quickstart [ARGS='cluster.learners=10']
	@$(VENV)/bin/simasgd run "$$NAME" $(ARGS)

sweep: need-name $(STAMP)  ## sweep a scenario: make sweep NAME=digits ARGS='cluster.learners=1,2,4'
	@$(VENV)/bin/simasgd sweep "$$NAME" $(ARGS)

list: $(STAMP)  ## list the scenarios, node profiles and protocols
	@$(VENV)/bin/simasgd list

test: $(DEV_STAMP)  ## run all tests (minutes)
	$(VENV)/bin/python -m pytest -n auto --dist worksteal $(ARGS)

quick: $(DEV_STAMP)  ## run the tests that neither compile networks, open a browser nor kill processes
	$(VENV)/bin/python -m pytest -n auto --dist worksteal -m 'not compiles and not browser and not kills' $(ARGS)

fuzz: $(DEV_STAMP)  ## fuzz at length: make fuzz [ARGS='check 5000']
	$(VENV)/bin/python -m tests.fuzz $(ARGS)

kills: $(DEV_STAMP)  ## run what takes long, too: kills at every change to the disk, whole families (minutes)
	SIMASGD_TEST_KILLS=all $(VENV)/bin/python -m pytest -rP \
	  tests/command/test_killed.py tests/testbed tests/sweeps/test_engines.py tests/learning tests/cluster tests/protocols tests/calibration \
	  tests/measured tests/results $(ARGS)

docs: $(DEV_STAMP)  ## write the lists in docs/ from the code, run the notebooks, and build the site in site/
	$(VENV)/bin/python -m simasgd.scenario.key_lists docs/scenario.md
	$(VENV)/bin/python -m tests.protocols.verbs_table
	$(VENV)/bin/python docs/_site/result_files.py
	$(VENV)/bin/python docs/_site/run_notebooks.py site/.notebooks
	$(VENV)/bin/python -m sphinx --define notebook_outputs=$(CURDIR)/site/.notebooks --builder html --fail-on-warning --keep-going --quiet --doctree-dir site/.doctrees docs site
	@echo 'open site/index.html'

gallery: $(DEV_STAMP)  ## make the pictures of docs/gallery.md with its commands (minutes; needs chromium)
	$(VENV)/bin/python docs/_site/gallery.py $(ARGS)

lint: $(DEV_STAMP)  ## check style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(DEV_STAMP)  ## format the code, and fix what can be fixed by itself
	$(VENV)/bin/ruff check --fix --quiet . || true
	$(VENV)/bin/ruff format .

check: lint quick  ## style, types and the quick tests: what a commit should pass

coverage: $(DEV_STAMP)  ## measure the coverage of the quick tests (needs uv; installs coverage beside the lock)
	uv pip install --quiet --python $(VENV)/bin/python 'coverage>=7.10'
	$(VENV)/bin/python -m coverage erase
	COVERAGE_FILE=$(CURDIR)/.coverage $(VENV)/bin/python -m coverage run \
	  -m pytest -n auto --dist worksteal -m 'not compiles and not browser and not kills' $(ARGS)
	$(VENV)/bin/python -m coverage combine --quiet
	$(VENV)/bin/python -m coverage report --skip-covered --sort cover

bench: $(STAMP)  ## measure speed (ratios, median of five)
	$(VENV)/bin/python -m benchmarks $(ARGS)

LOCK = uv pip compile --universal --python-version 3.11 pyproject.toml --upgrade --quiet \
  --generate-hashes --no-emit-index-url --no-header
lock:  ## resolve both locks anew (needs uv)
	$(LOCK) --group setup --output-file requirements.lock
	$(LOCK) --group dev --extra ray --extra dask --extra slurm --extra tensorboard --constraints requirements.lock --output-file requirements-dev.lock

clean:  ## remove the virtual environment and the caches (reports stay)
	rm -rf $(VENV) .venv-3.13 site .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

need-name:
	@test -n "$$NAME" || { echo "say which scenario: make $(or $(filter scenario sweep,$(MAKECMDGOALS)),scenario) NAME=quickstart ('make list' shows them)" >&2; exit 2; }

$(STAMP): requirements.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  test -x $(VENV)/bin/python || uv venv --quiet --python '$(UV_PYTHON)' $(VENV); \
	  uv pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation -e .; \
	else \
	  command -v $(PYTHON) >/dev/null 2>&1 || { echo "simasgd needs Python 3.11, 3.12 or 3.13: '$(PYTHON)' is not there (choose another with PYTHON=…)" >&2; exit 1; }; \
	  $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "simasgd needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1) (choose another with PYTHON=…)" >&2; exit 1; }; \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }; \
	  echo 'making $(VENV) (a minute or two, once) …' >&2; \
	  test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV); \
	  $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements.lock && \
	  $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .; \
	fi
	@touch $@

$(DEV_STAMP): requirements-dev.lock $(STAMP)
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements-dev.lock; \
	else \
	  echo 'installing what tests need (a minute or two, once) …' >&2; \
	  $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-dev.lock; \
	fi
	@touch $@

.PHONY: help setup scenario sweep list test quick fuzz kills lint format check coverage docs gallery bench lock clean need-name
