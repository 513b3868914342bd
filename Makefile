# Two commands matter: `make demo` (one finished run from a fresh clone) and `make test` (all a change must pass).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROUNDS ?= 1
export UV_SYSTEM_CERTS := 1

.PHONY: install demo test check chaos model fuzz fmt lock clean

install: $(VENV)/.installed

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Interlock needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.installed: $(BIN)/uv requirements-dev.txt pyproject.toml
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: install
	$(BIN)/interlock demo --approve

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest -n 2 --dist loadfile

# Kill every process in turn, and tool workers at every named point of a write; then ROUNDS rounds of a mixed
# load under random kills, stops and faults, held against the helpdesk's log. SEED=n plays a round again.
chaos: install
	$(BIN)/pytest -q -m "chaos or not chaos" tests/acceptance/test_kills.py tests/chaos
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

# Check the model of a write (docs/model) in every order of its steps; needs spin and gcc.
model: install
	$(BIN)/pytest -q -m model tests/laws/test_model.py

# The property tests of the laws, with ROUNDS times 500 examples each.
fuzz: install
	ROUNDS=$(ROUNDS) $(BIN)/pytest -q -n 2 --hypothesis-profile=fuzz tests/laws

fmt: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The locks carry hashes and no addresses.
lock: $(BIN)/uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev -o requirements-dev.txt pyproject.toml

clean:
	rm -rf $(VENV) .interlock .mypy_cache .pytest_cache .ruff_cache
