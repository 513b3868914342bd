# Two commands matter: `make demo` (one finished run from a fresh clone) and `make test` (all a change must pass).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROUNDS ?= 1
export UV_SYSTEM_CERTS := 1
# Where a container's image sets it, every test process would compile its libraries anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test stores check record kills chaos corpus model bench fuzz golden fmt lock clean

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
	$(BIN)/interlock policy test --threshold 100

# Four at a time on two cores: much of the time is waiting. The order of files is tests/conftest.py's own.
test: check
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

# What `make test` leaves out: each test that runs on both databases, on the one that it does not run on there.
stores: install
	STORES=rest $(BIN)/pytest -q -n 4 --dist loadfile --no-loadscope-reorder

# Record a run of every kind, or those of NAMES, for the replay tests; no recording is written over.
record: install
	$(BIN)/python -m tests.replay.record $(NAMES)

# Kill every process of a stack in turn, ROUNDS times over: each run completes with one write.
kills: install
	for round in $$(seq $(ROUNDS)); do $(BIN)/pytest -q -m "chaos or not chaos" tests/acceptance/test_kills.py || exit 1; done

# All kills, and tool workers and the break-glass process killed and stopped at every named point of a write;
# then ROUNDS rounds of a mixed load under random kills, stops and faults, held against the helpdesk's log.
# SEED=n plays a round again.
chaos: kills
	$(BIN)/pytest -q -n 2 --dist loadfile -m "chaos or not chaos" tests/chaos
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

# Play the whole corpus of prompt injections and hold its figures against docs/injections.md; RECORD=1 writes them.
corpus: install
	$(BIN)/python -m tests.corpus $(if $(RECORD),--record)

# Check the model of a write (docs/model) in every order of its steps; needs spin and gcc.
model: install
	$(BIN)/pytest -q -m model tests/laws/test_model.py

# What waiting and long runs cost: ROUNDS times 1,000 that wait, a run of ROUNDS times 400 steps, ROUNDS times 250
# clicks; that nothing of a tool leaves once it is switched off, with ROUNDS times 200 runs in flight; and what one
# decision costs.
bench: install
	$(BIN)/python -m bench.waiting $$((1000 * $(ROUNDS)))
	$(BIN)/python -m bench.long_run $$((400 * $(ROUNDS)))
	$(BIN)/python -m bench.clicks $$((250 * $(ROUNDS)))
	$(BIN)/python -m bench.stops $$((200 * $(ROUNDS)))
	$(BIN)/python -m bench.decide

# The property tests of the laws with ROUNDS times 500 examples each, and the API with ROUNDS times 50 a call.
fuzz: install
	ROUNDS=$(ROUNDS) $(BIN)/pytest -q -n 2 --hypothesis-profile=fuzz tests/laws tests/integration/test_openapi_fuzzed.py

# Record anew what others build on; what the diff takes away or changes breaks somebody.
golden: install
	GOLDEN=record $(BIN)/pytest -q tests/laws/test_frozen_words.py tests/integration/test_frozen_answers.py
	for kind in route people cases tools; do $(BIN)/interlock policy schema $$kind > docs/schemas/$$kind.json; done

fmt: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The locks carry hashes and no addresses.
lock: $(BIN)/uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev --extra embedded -o requirements-dev.txt pyproject.toml

clean:
	rm -rf $(VENV) .interlock .mypy_cache .pytest_cache .ruff_cache
