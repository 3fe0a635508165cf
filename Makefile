# Each target sets up what it needs. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=
COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links

# Tests are handed out in their order, in which the long ones come first (tests/conftest.py), one by one, or with those
# that they belong together with (tests/together.py).
IN_TURN := --dist loadscope --no-loadscope-reorder

.PHONY: sandbox test lint docs pictures lock matrix instants bench mutation fuzz clean audit licences

sandbox: $(VENV)/.run  ## judge the embedded AWS; try ARGS="--fault database-rule-removed"
	$(BIN)/python -m pytest --sandbox $(ARGS)

test: $(VENV)/.dev  ## the project's own tests
	$(BIN)/python -m pytest tests $(ARGS)

lint: $(VENV)/.dev  ## style and types, and the GitHub workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/shellcheck --exclude=SC2015 .ci/run .github/scripts/*.sh
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/zizmor --offline --pedantic --quiet .github action.yml

# Every fault, every tricky but healthy world, every denied service, and pairs of faults, with all checks.
matrix: $(VENV)/.dev  ## what the checks detect, miss, raise falsely and misread
	$(BIN)/python -m pytest tests/test_matrix.py -q -n 4 $(IN_TURN) $(ARGS)

instants: $(VENV)/.dev  ## the healthy world at a hundred random instants
	INSTANTS=100 $(BIN)/python -m pytest tests/test_instants.py -q -n 2 $(ARGS)

lock: $(VENV)/.dev  ## renew the lock files from the ranges
	grep -v '^-' requirements.txt | $(COMPILE) - -o requirements.lock
	grep -hv '^-' requirements.txt requirements-dev.txt | $(COMPILE) - -o requirements-dev.lock
	grep -v '^-' requirements-fuzz.txt | $(COMPILE) - -o requirements-fuzz.lock

# Asks PyPI's database of vulnerabilities. What could not be looked up fails too: not known is not fine.
audit: $(VENV)/.dev  ## known vulnerabilities of what is installed
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements.lock
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements-dev.lock
	$(BIN)/pip-audit --strict --require-hashes --disable-pip -r requirements-fuzz.lock

licences: $(VENV)/.dev  ## renew docs/licences.md: what each package that the suite needs is licensed under
	$(BIN)/python docs/make_licences.py

docs: $(VENV)/.dev  ## renew the real output in README.md and docs/, and docs/catalogue.md
	$(BIN)/python docs/make_examples.py

pictures: $(VENV)/.dev  ## renew the pictures of README.md; needs chromium and chromedriver
	$(BIN)/python docs/make_pictures.py

# mutmut takes about one mutant a second and there are some 15,000: name modules, as in MODULES="verdict causes".
mutation: $(VENV)/.dev  ## which changes to the diagnosis no test notices (docs/mutation.md)
	rm -rf mutants
	$(BIN)/mutmut run --max-children 2 $(foreach module,$(MODULES),"checks.diagnosis.$(module).*")
	$(BIN)/mutmut results
	$(BIN)/mutmut results --all true | $(BIN)/python docs/mutation_score.py

# Against the sandbox, with delays added; in environments of its own (.bench), since every pytest plugin is loaded.
ROUNDS ?= 5
bench: $(VENV)/.dev .bench/.ready  ## measure against the guide's commands and a naive suite (docs/bench.json)
	ROUNDS=$(ROUNDS) $(BIN)/python -m tests.bench.run

.bench/.ready: requirements.lock
	$(BIN)/uv venv -q --clear -p $(BIN)/python .bench/venv
	$(BIN)/uv pip install -q --compile-bytecode --python .bench/venv/bin/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install -q --python .bench/venv/bin/python --no-deps -e .
	$(BIN)/uv venv -q --clear -p $(BIN)/python .bench/cli
	$(BIN)/uv pip install -q --compile-bytecode --python .bench/cli/bin/python awscli
	touch $@

# Guided by coverage, so for as long as one likes; Linux only. PARSERS="dockerfile plan" names some.
SECONDS_EACH ?= 60
PARSERS ?= $$(.fuzz/venv/bin/python -m tests.fuzz.run)
fuzz: .fuzz/.ready  ## look for texts that make a parser fail or hang
	for parser in $(PARSERS); do \
		.fuzz/venv/bin/python -m tests.fuzz.run "$$parser" -max_total_time=$(SECONDS_EACH) -verbosity=0 || exit 1; \
	done

.fuzz/.ready: $(VENV)/.run requirements-fuzz.lock
	$(BIN)/uv venv -q --clear -p $(BIN)/python .fuzz/venv
	$(BIN)/uv pip install -q --python .fuzz/venv/bin/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install -q --python .fuzz/venv/bin/python --require-hashes -r requirements-fuzz.lock
	touch $@

clean:
	rm -rf $(VENV) .bench .fuzz mutants reports/out .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q uv

$(VENV)/.run: $(VENV)/bin/uv requirements.lock
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/uv requirements-dev.lock
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	touch $@ $(VENV)/.run
