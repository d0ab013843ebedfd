# Everything runs in .venv, with the versions of constraints.txt.
#   make demo    make a waveform and a volume, serve them, open the viewer
#   make test    everything that is tested, browser and all
#   make check   the quick part: format, lint, types, layers, unit tests

PYTHON ?= python3
BIN := .venv/bin
NPM ?= npm
JOBS ?= 2

.PHONY: demo test check venv system-packages format lint types unit browser slow bench clean

demo: venv
	$(BIN)/pyramidion demo

test: check system-packages
	$(BIN)/python -m pytest -m "browser or slow" -n $(JOBS)

check: venv lint types unit

venv: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

# Chromium for the browser tests, strace for faults at every system call, gcc for a camera library
# that stands in for the vendor's, Ceph for an S3 server; when this is a Debian machine and we may
# install them.
system-packages:
	@missing=""; \
	command -v chromium >/dev/null || missing="chromium fonts-dejavu-core"; \
	command -v strace >/dev/null || missing="$$missing strace"; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	for program in radosgw ceph-mon ceph-osd; do \
		command -v $$program >/dev/null || missing="$$missing $$program"; \
	done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	fi

format: venv
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo

types: venv
	$(BIN)/mypy
	@if command -v $(NPM) >/dev/null; then $(MAKE) --no-print-directory types-js; \
	elif [ "$$CI" = true ]; then echo "npm is needed to check the viewer's types"; exit 1; \
	else echo "npm not found: the viewer's types are not checked"; fi

.PHONY: types-js
types-js: tools/typecheck/node_modules
	tools/typecheck/node_modules/.bin/tsc -p tools/typecheck

tools/typecheck/node_modules: tools/typecheck/package.json
	cd tools/typecheck && $(NPM) install --silent --no-package-lock --no-audit --no-fund
	touch $@

unit: venv
	$(BIN)/python -m pytest -m "not browser and not slow" -n $(JOBS)

browser: venv system-packages
	$(BIN)/python -m pytest -m browser -n $(JOBS)

bench: venv
	@echo "See benchmarks/README.md; each script runs alone: $(BIN)/python benchmarks/NAME.py"

clean:
	rm -rf .venv tools/typecheck/node_modules build dist
