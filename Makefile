# Everything runs from a virtual environment of the project's own, with the releases that requirements/ names and their
# hashes: `make demo` and `make test` need Python and venv only, and do next year what they do today.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALL = -m pip install --quiet --disable-pip-version-check
# make demo PHOTOS=~/Pictures/d80 maps your own photos.
PHOTOS ?=
DEMO ?= demo
SCENES ?= ../shared/data/scenes

.PHONY: demo test test-latest test-oldest test-dist test-darktable lint docs bench fuzz faults wheel dist lock clean

demo: $(VENV)/ready
ifeq ($(PHOTOS),)
	$(BIN)/python -m fixtures "$(DEMO)" --frames 24 --seed 2010
	$(BIN)/sensormap map "$(DEMO)/photos" -o "$(DEMO)/d80.yaml" --overwrite
	@echo
	$(BIN)/python -m fixtures.truth.report "$(DEMO)/truth.yaml" "$(DEMO)/d80.yaml"
else
	@mkdir -p "$(DEMO)"
	$(BIN)/sensormap map "$(PHOTOS)" -o "$(DEMO)/map.yaml" --overwrite
endif

# A process for each core, and the tests in their own order, so that what passes here passes again. pytest alone draws an
# order of its own each time, and says which.
test: $(VENV)/ready
	$(BIN)/python -m pytest -n auto --dist worksteal -p no:randomly

# The newest releases that pyproject.toml admits, and the oldest. Their kernels are kept apart from those of `make test`.
# What these releases say of their own future is shown, and does not count (see filterwarnings in pyproject.toml).
FUTURE = -W default::DeprecationWarning -W default::PendingDeprecationWarning -W default::FutureWarning

test-latest: enough-python
	$(PYTHON) -m venv --clear "$(VENV)-latest"
	"$(VENV)-latest/bin/python" $(INSTALL) --editable '.[dev]'
	NUMBA_CACHE_DIR="$(VENV)-latest/kernels" "$(VENV)-latest/bin/python" -m pytest -n auto --dist worksteal $(FUTURE)

test-oldest: enough-python
	$(PYTHON) -m venv --clear "$(VENV)-oldest"
	"$(VENV)-oldest/bin/python" $(INSTALL) --require-hashes --requirement requirements/oldest.txt
	"$(VENV)-oldest/bin/python" $(INSTALL) --no-deps --no-build-isolation --editable .
	NUMBA_CACHE_DIR="$(VENV)-oldest/kernels" "$(VENV)-oldest/bin/python" -m pytest -n auto --dist worksteal $(FUTURE)

lint: $(VENV)/ready
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/codespell

# The site of the documentation, from nothing, so that every page is checked. A warning, such as a link to a heading that
# is not there or a page in no list, is an error.
docs: $(VENV)/docs-ready
	rm -rf build/docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --jobs auto --fresh-env \
	  --conf-dir docs --doctree-dir build/doctrees --builder html . build/docs

# Every part is run even where a target of the first is missed; that is what the exit code tells.
bench: $(VENV)/bench-ready
	@missed=0; \
	$(BIN)/python -m benchmarks.performance --scenes "$(SCENES)" || missed=$$?; \
	$(BIN)/python -m benchmarks.accuracy.raw --scenes "$(SCENES)" || exit $$?; \
	$(BIN)/python -m benchmarks.accuracy.jpeg --scenes "$(SCENES)" || exit $$?; \
	$(BIN)/python -m benchmarks.accuracy.damage --scenes "$(SCENES)" || exit $$?; \
	exit $$missed

# Damaged files for every reader, and signals at random moments. What is found lies in fuzz-found/, and goes into
# tests/fuzz/corpus/ once the reader is mended.
MINUTES ?= 10
FAULTS ?= 100

fuzz: $(VENV)/ready
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --processes 2 $(if $(COVERAGE),--coverage)

faults: $(VENV)/ready
	SENSORMAP_FAULTS=$(FAULTS) SENSORMAP_FAULTS_SEED=$$(date +%s) $(BIN)/python -m pytest tests/faults -n 0

# The script for darktable in a real darktable (apt-get install darktable xvfb), in a virtual display.
test-darktable: $(VENV)/ready
	SENSORMAP_DARKTABLE=1 $(BIN)/python -m pytest tests/darktable -n 0

wheel: $(VENV)/ready
	$(BIN)/python -m build --wheel --no-isolation

# What is published: the source archive, and the wheel that is built from it.
dist: $(VENV)/ready
	rm -rf dist
	$(BIN)/python -m build --no-isolation

# The wheel with the tests of the source archive, away from this tree. The project's own checks (tests/project) are of
# the tree.
test-dist:
	@rm -rf "$(VENV)-dist" && mkdir -p "$(VENV)-dist"
	tar -xzf dist/sensormap-*.tar.gz -C "$(VENV)-dist" --strip-components 1
	rm -rf "$(VENV)-dist/sensormap"
	$(PYTHON) -m venv "$(VENV)-dist/venv"
	cd "$(VENV)-dist" && venv/bin/python $(INSTALL) --require-hashes --requirement requirements/dev.txt
	cd "$(VENV)-dist" && venv/bin/python $(INSTALL) --no-deps "$(CURDIR)"/dist/sensormap-*.whl
	cd "$(VENV)-dist" && venv/bin/python -m pytest -n auto --dist worksteal -p no:randomly --ignore tests/project tests

# The releases that are installed, for every system and every Python that the project admits. What is there already is
# kept where the bounds of pyproject.toml admit it; make lock UPGRADE=--upgrade takes the newest.
UPGRADE ?=
LOCK = "$(VENV)-lock/bin/uv" pip compile --no-config --quiet $(UPGRADE) --universal --python-version 3.11 \
  --fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links \
  --custom-compile-command 'make lock' pyproject.toml

lock: enough-python
	$(PYTHON) -m venv "$(VENV)-lock"
	"$(VENV)-lock/bin/python" $(INSTALL) --upgrade uv
	$(LOCK) --extra dev --output-file requirements/dev.txt
	$(LOCK) --extra bench --constraint requirements/dev.txt --output-file requirements/bench.txt
	$(LOCK) --extra docs --constraint requirements/dev.txt --output-file requirements/docs.txt
	$(LOCK) --extra dev --resolution lowest-direct --output-file requirements/oldest.txt

$(VENV)/ready: requirements/dev.txt pyproject.toml | enough-python
	$(PYTHON) -m venv "$(VENV)"
	$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/dev.txt
	$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/bench-ready: requirements/bench.txt $(VENV)/ready
	$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/bench.txt
	@touch $@

$(VENV)/docs-ready: requirements/docs.txt $(VENV)/ready
	$(BIN)/python $(INSTALL) --require-hashes --requirement requirements/docs.txt
	@touch $@

.PHONY: enough-python
enough-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sensormap needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }

clean:
	rm -rf build dist fuzz-found "$(DEMO)" .pytest_cache .mypy_cache .ruff_cache .hypothesis
