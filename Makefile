# The house's commands. `make help` lists them. Two are enough: `make demo` and `make test`.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
SET ?= worker
RUN := .venv/bin/python
ORACLE := var/arbundles/node_modules/.package-lock.json
ROOMS := config workers audit competitions licensing ledger web evaluator assay
export PYTHONUNBUFFERED := 1
# Bytecode is kept, whatever the caller's variable says: uv leaves none, and the site and the tests
# start some hundred processes, each of which would compile all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup setup-train setup-dev oracle demo up test laws journeys lint fix lock docs replay bench-broker \
	bench-costs bench-evaluator bench-installs bench-ledger bench-racing bench-royalties bench-web calibrate-similarity \
	exact-vectors clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

ifeq ($(PYTHON),)
$(error Assay needs Python 3.11, 3.12 or 3.13 with venv. Debian, Ubuntu: apt-get install python3 python3-venv)
endif

setup: ## Install the site and its workers into .venv (SET=client: the commands; SET=train: torch too)
	@$(PYTHON) requirements/install.py $(SET)

setup-train:
	@$(PYTHON) requirements/install.py train

setup-dev: ## Install everything, with what tests and lint need
	@$(PYTHON) requirements/install.py dev

oracle: $(ORACLE) ## The public ANS-104 package, which two tests compare ours with (needs npm)

$(ORACLE): tests/assay/arbundles/package-lock.json
	@mkdir -p var/arbundles && cp tests/assay/arbundles/package*.json var/arbundles/
	@cd var/arbundles && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000
	@touch $@

demo: setup-train ## Play the whole story on a running site (ONCE=1 ends by itself; PORT=8000)
	@ASSAY_APT=0 $(RUN) requirements/system.py  # what could be here and is not, a line each
	@$(RUN) -m config.demo $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

up: setup ## Run the site: web, worker, beat, broker under one supervisor
	@$(RUN) manage.py up $(if $(PORT),--port $(PORT))

test: setup-dev ## Run all tests on SQLite, and beside them the laws on PostgreSQL when it is there
	@$(RUN) requirements/system.py
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory oracle || echo "no arbundles: two tests are skipped"; fi
	@$(RUN) tests/run.py $(ARGS)

laws: setup-dev ## Run only the laws: money, states, replay, crowds
	@ASSAY_GATE_CASES=10000 ASSAY_STOP_CASES=500 $(RUN) tests/run.py tests/laws

journeys: setup-dev ## Run only the whole stories through public doors
	@$(RUN) tests/run.py tests/journeys

lint: setup-dev ## ruff, mypy, import contracts, migrations
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet . || (echo "make fix would format these" && exit 1)
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(RUN) manage.py makemigrations --check --dry-run

fix: setup-dev ## Let ruff mend and format what it can
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

lock: setup-dev ## Resolve requirements/*.txt anew into hashed locks (needs a package index)
	@$(RUN) -m pip install --quiet --require-hashes -r requirements/tools.lock
	@$(RUN) requirements/lock.py

docs: setup-dev ## Write the generated parts of docs/: error codes, settings, CLI help
	@$(RUN) manage.py docs

exact-vectors: setup-dev ## Write the engine's known answers anew: they change with the arithmetic alone
	@$(RUN) -m tests.evaluator.vectors

bench-broker: setup-dev ## Count the messages that wait on files while 20 entries are scored (MINUTES=10)
	@$(RUN) -m tests.bench.broker $(if $(MINUTES),--minutes $(MINUTES))

bench-costs: setup-dev ## Measure the dearest request of each kind: CPU, memory, bytes kept, as lines of JSON
	@$(RUN) -m tests.bench.costs

bench-evaluator: setup-dev ## Measure the scale beside peft and lm-evaluation-harness; docs/benchmarks/evaluator.md
	@$(RUN) -m tests.bench.scale

bench-racing: setup ## Simulate how much work racing saves; writes docs/benchmarks/racing.*
	@$(RUN) -m tests.bench.racing

calibrate-similarity: setup-dev ## Train adapters, copy them by every known attack, measure; docs/benchmarks/similarity.*
	@$(RUN) -m tests.bench.likeness

replay: setup ## Rebuild every table from the message log and compare
	@$(RUN) manage.py replay

bench-installs: setup-dev ## Measure what pip installs of the package, and that a client works from it
	@$(RUN) -m tests.bench.installs

bench-ledger: setup-dev ## Measure the record and write docs/benchmarks/ledger.md (FULL=1: a million messages)
	@$(RUN) -m tests.bench.ledger $(if $(FULL),--full)

bench-royalties: setup-dev ## Measure statements, and a million metered calls; docs/benchmarks/royalties.*
	@$(RUN) -m tests.bench.royalties

bench-web: setup-dev ## Fill a site with very many rows and measure its pages; docs/benchmarks/web.md
	@$(RUN) -m tests.bench.web

clean: ## Remove caches and the demo's data; keep .venv
	rm -rf var .hypothesis .ruff_cache .import_linter_cache .coverage htmlcov build *.egg-info
	find $(ROOMS) tests requirements -name __pycache__ -prune -exec rm -rf {} +
