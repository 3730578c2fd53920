# The commands for those who work on the code. `make help` shows them; `make check` is what CI runs first.
PYTHON = .venv/bin/python
TYPED  = config states storage dossiers workflow web
CODE   = $(TYPED) tests conftest.py

.DEFAULT_GOAL = help
.PHONY: help run test test-long check format-check lint types imports shell format settings-table bench fresh lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: ## install what is missing and serve (./run)
	./run

test: ## check, then every test (./test; one folder: ./test tests/web)
	./test

test-long: ## the bounded storms, minutes each
	./test -m long

check: format-check lint types imports shell ## format, lint, types and import contracts

format-check: | .venv/bin/ruff
	$(PYTHON) -m ruff format --check --quiet $(CODE)

lint: | .venv/bin/ruff
	$(PYTHON) -m ruff check --quiet $(CODE)

types: | .venv/bin/ruff
	$(PYTHON) -m mypy --no-error-summary

imports: | .venv/bin/ruff
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo

# dash refuses what is not POSIX; it is /bin/sh on Debian.
shell:
	@for script in run test .ci/run .ci/prepare.sh .ci/fresh; do sh -n $$script || exit 1; done

format: | .venv/bin/ruff ## format the code and mend what can be mended by itself
	$(PYTHON) -m ruff format $(CODE)
	$(PYTHON) -m ruff check --fix $(CODE)

settings-table: | .venv/bin/ruff ## write the table of docs/settings.md again from config/settings.py
	$(PYTHON) -m tests.architecture.test_settings_are_documented

bench: | .venv/bin/ruff ## measure (tests/bench)
	$(PYTHON) -m tests.bench $(ARGS)

fresh: ## prove ./run and ./test in a bare Debian 12 (root, mmdebstrap); ARGS="-k smoke" for a part
	.ci/fresh $(ARGS)

# uv comes from the index like everything else; the locks name no index, so any mirror serves them.
lock: | .venv/bin/ruff ## pin the dependencies of pyproject.toml again
	$(PYTHON) -m pip install --quiet --disable-pip-version-check uv
	.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet --custom-compile-command 'make lock' pyproject.toml -o requirements.lock
	.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet --custom-compile-command 'make lock' --extra test --constraint requirements.lock pyproject.toml -o requirements-test.lock

.venv/bin/ruff:
	./test --install-only
