# Targets for people; `make help` lists them. Needs python3 (3.11 or newer, with venv) and make.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
export PYTHON
# With it, a module that Ansible sends through a pipe is read byte by byte: a task takes up to half a second more.
unexport PYTHONUNBUFFERED
BIN := .venv/bin
# Tests wait for servers and for each other's locks: with three workers two cores were busy four fifths of the time.
WORKERS ?= 4
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: .venv/demo.stamp ## Migrate, back up, prove, clean and schedule the Titan database under .demo/
	@$(BIN)/python examples/demo/demo.py run

demo-picture: demo ## Make docs/demo.svg from what make demo has printed
	@$(BIN)/python examples/demo/picture.py

pictures: demo-picture dashboard .venv/test.stamp ## Make all pictures of docs/ again: the demo's result, report, page of all environments, dashboard
	@$(BIN)/python -m tools.pictures.make

demo-stop: ## Stop the demo's PostgreSQL
	@test ! -d .demo || $(BIN)/python examples/demo/demo.py stop

demo-clean: ## Stop the demo's PostgreSQL and remove .demo/
	@test ! -d .demo || $(BIN)/python examples/demo/demo.py clean

test: ## Lint, unit and integration tests, documentation checks; test-slow has the rest
	@$(MAKE) --no-print-directory --output-sync=target -j 2 lint-ansible docs-lint lint-code
	@$(MAKE) --no-print-directory unit

unit: .venv/test.stamp ## Unit and integration tests against the embedded PostgreSQL
	@$(PYTEST) -m "not slow"

test-slow: .venv/test.stamp ## The tests that take minutes: guides carried out, deployments of a fleet, nights under cron
	@$(PYTEST) -m slow

lint: lint-code lint-ansible ## ruff, mypy, yamllint, ansible-lint (production profile)

lint-code: .venv/test.stamp
	@$(BIN)/ruff check . && $(BIN)/ruff format --check -q .
	@$(BIN)/mypy plugins/module_utils/_engine
	@$(BIN)/yamllint -s .

lint-ansible: .venv/test.stamp
	@PATH="$$PWD/$(BIN):$$PATH" $(BIN)/ansible-lint

docs-lint: .venv/test.stamp ## Documentation of modules and roles, and the changelog
	@PATH="$$PWD/$(BIN):$$PATH" ANSIBLE_COLLECTIONS_PATH="$$PWD/collections" $(BIN)/antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs self .
	@PATH="$$PWD/$(BIN):$$PATH" $(BIN)/antsibull-changelog lint

options: .venv/test.stamp ## Write what follows from the options' declarations: documentation, role defaults and specs
	@$(BIN)/python -m tools.options
	@$(BIN)/python -m tools.tried

picture: .venv/test.stamp ## Draw docs/architecture.svg from the engine's imports
	@$(BIN)/python -m tools.picture

dashboard: .venv/test.stamp ## Write Grafana's dashboard and the rules of ENVIRONMENTS into monitoring/
	@$(BIN)/python -m tools.monitoring $(ENVIRONMENTS)

reference: .venv/test.stamp ## Pages of all modules and roles, made from the sources, into build/reference
	@rm -rf build/reference && mkdir -p -m 0755 build/reference
	@PATH="$$PWD/$(BIN):$$PATH" ANSIBLE_COLLECTIONS_PATH="$$PWD/collections" $(BIN)/antsibull-docs collection --use-current --dest-dir build/reference titan.database
	@find build/reference -name '*.rst' | wc -l | xargs -I N echo "N pages in build/reference"

site: .venv-site/site.stamp ## Guides and reference as one searchable site, into build/site
	@.venv-site/bin/python -m tools.site.build build/site

sanity: ## ansible-test sanity on each ansible-core that a Python here can run
	@sh tests/sanity.sh

molecule: .venv-molecule/molecule.stamp ## All scenarios on real hosts in containers (needs root and Debian)
	@VENV=.venv-molecule sh molecule/run $(SCENARIOS)

clean: demo-clean ## Remove the demo, the virtual environment and caches
	@rm -rf .venv .venv-molecule .venv-site .cache .ansible .pytest_cache .mypy_cache .ruff_cache .hypothesis dist

.venv/demo.stamp: requirements/demo.txt
	@sh tests/venv.sh "$$PYTHON" demo .venv

.venv/test.stamp: requirements/test.txt requirements/demo.txt
	@sh tests/venv.sh "$$PYTHON" test .venv

.venv-site/site.stamp: requirements/site.txt
	@sh tests/venv.sh "$$PYTHON" site .venv-site

# A place of its own: the package "ansible" in it makes the documentation checks of the other targets slow.
.venv-molecule/molecule.stamp: requirements/molecule.txt requirements/test.txt requirements/demo.txt
	@sh tests/venv.sh "$$PYTHON" molecule .venv-molecule

.PHONY: help demo demo-picture pictures demo-stop demo-clean test unit lint lint-code lint-ansible docs-lint options picture reference site sanity molecule clean
