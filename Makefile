# The commands of this repository, the same for a person and for CI.  `make` lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check format migrate docs openapi schemas calendars lock

VENV := .venv
PYTHON := $(VENV)/bin/python
# Twice quiet: errors are shown, a machine's own warnings about its registries are not.
PIP_INSTALL := $(PYTHON) -m pip install -qq --disable-pip-version-check --require-hashes --requirement
# One environment for all: what tests need holds what running needs, so its stamp stands for both.
RUN_READY := $(VENV)/ready-to-run
TEST_READY := $(VENV)/ready-to-test
TESTS ?= tests
# All tests are shared out among processes, each with a PostgreSQL of its own; a few are sooner done by one.
WORKERS ?= $(if $(filter tests,$(TESTS)),logical,0)

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

run: $(RUN_READY) ## start everything in one process; Ctrl-C stops it
	@exec $(PYTHON) -m services.embedded

test: $(TEST_READY) ## run every test, against a real PostgreSQL
	$(PYTHON) -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal $(TESTS)

check: $(TEST_READY) ## lint, types, import contracts
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	PYTHONPATH=. $(VENV)/bin/lint-imports

format: $(TEST_READY) ## settle the layout of the code
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

migrate: $(RUN_READY) ## bring the database of HOMEWARD_DATABASE_URL to the present schema
	@$(PYTHON) -m services.cli migrate

docs: $(TEST_READY) ## write the page that is made from the code: settings
	$(PYTHON) -m tests.meta.pages

openapi: $(TEST_READY) ## write the OpenAPI documents
	$(PYTHON) -m tests.meta.documents

schemas: $(TEST_READY) ## write the released schemas of event data and timetable packs, and their pages
	$(PYTHON) -m tests.meta.event_schemas
	$(PYTHON) -m tests.meta.timetable_packs

calendars: $(TEST_READY) ## write the shipped calendars of holidays anew from the `holidays` library
	$(PYTHON) -m tests.meta.calendars

lock: ## pin every dependency anew, with hashes (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
# What tests need may bound what running needs, never the other way round: so theirs is pinned first.
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--extra dev pyproject.toml --output-file requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--constraint requirements-dev.lock pyproject.toml --output-file requirements.lock

$(PYTHON):
	@for python in $${HOMEWARD_PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Homeward needs Python 3.11 or newer; python3 is $$(python3 --version 2>&1). Install one, or name it:" \
			"HOMEWARD_PYTHON=/path/to/python3.12 make run" >&2; exit 1; \
	fi; \
	"$$found" -m venv --clear $(VENV) || { \
		echo "Python cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
		rm -rf $(VENV); exit 1; \
	}

$(RUN_READY): requirements.lock | $(PYTHON)
	@echo "Installing what Homeward needs into $(VENV) (once, about half a minute)."
	@$(PIP_INSTALL) requirements.lock
	@touch $@

$(TEST_READY): requirements-dev.lock requirements.lock | $(PYTHON)
	@echo "Installing what the tests need into $(VENV) (once, about half a minute)."
	@$(PIP_INSTALL) requirements-dev.lock
	@touch $(RUN_READY) $@
