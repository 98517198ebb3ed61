# Everything runs from a virtual environment of the project's own: `make demo` and `make test` need Python and venv only.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# make demo PHOTOS=~/Pictures/d80 maps your own photos.
PHOTOS ?=
DEMO ?= demo
SCENES ?= ../shared/data/scenes

.PHONY: demo test lint bench wheel clean

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

test: $(VENV)/ready
	$(BIN)/python -m pytest

lint: $(VENV)/ready
	$(BIN)/ruff check
	$(BIN)/mypy

# Every part is run even where a target of the first is missed; that is what the exit code tells.
bench: $(VENV)/bench-ready
	@missed=0; \
	$(BIN)/python -m benchmarks.performance --scenes "$(SCENES)" || missed=$$?; \
	$(BIN)/python -m benchmarks.accuracy.raw --scenes "$(SCENES)" || exit $$?; \
	$(BIN)/python -m benchmarks.accuracy.jpeg --scenes "$(SCENES)" || exit $$?; \
	$(BIN)/python -m benchmarks.accuracy.damage --scenes "$(SCENES)" || exit $$?; \
	exit $$missed

wheel: $(VENV)/ready
	$(BIN)/python -m build --wheel

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sensormap needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv "$(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/bench-ready: $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

clean:
	rm -rf build dist "$(DEMO)" .pytest_cache .mypy_cache .ruff_cache .hypothesis
