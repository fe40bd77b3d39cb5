# homemail: the commands of a developer. `make help` lists them.
# (5 is how pytest ends when it had nothing to run.)
#
#   make run  ARGS="--port-base 3000"     arguments for `homemail try`
#   make test ARGS="tests/imap -x"        arguments for pytest
#   make run  PYTHON=/usr/bin/python3.12  another interpreter (only when .venv/ is made)

VENV ?= .venv
BIN = $(VENV)/bin
ARGS ?=
export PYTHON

.PHONY: help run test quick check format docs bench clean all

help:                  ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

run:                   ## start a complete server on this machine to try it (homemail try)
	@contrib/environment $(VENV) fast
	@exec $(BIN)/homemail try $(ARGS)

test:                  ## run the whole test suite, on uvloop and on asyncio's own loop
	@contrib/environment $(VENV) fast,test
	$(BIN)/python -m pytest -n auto $(ARGS)
	HOMEMAIL_LOOP=asyncio $(BIN)/python -m pytest -n auto -q -m "loop or not slow" $(ARGS) || [ $$? = 5 ]

quick:                 ## run the tests that take no time
	@contrib/environment $(VENV) fast,test
	$(BIN)/python -m pytest -n auto -q -m "not slow and not real" $(ARGS)

check:                 ## format, lint, types, import contracts, documentation
	@contrib/environment $(VENV) fast,test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/docs

format:                ## put the code into its form
	@contrib/environment $(VENV) fast,test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs:                  ## write the generated pages anew (settings, commands, manual page)
	@contrib/environment $(VENV) fast,test
	$(BIN)/python -m tests.docs.generate

bench:                 ## measure mail beside Postfix, POP3 beside Dovecot (ARGS="--pairs 5"; root)
	@contrib/environment $(VENV) fast,test
	$(BIN)/python -m bench.arrival $(ARGS)
	$(BIN)/python -m bench.sending $(ARGS)
	$(BIN)/python -m bench.sieve $(ARGS)
	$(BIN)/python -m bench.pop3 $(ARGS)
	$(BIN)/python -m bench.mailboxes $(ARGS)

all: check test        ## what has to pass before a change lands

clean:                 ## remove the environment and everything built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
