# make run, make test, make check, make bench, make soak, make demo, make screenshots: see README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EVENTS ?= 250000

.PHONY: run test check format bench soak demo screenshots messages lock clean

run: $(VENV)/.run
	@exec $(BIN)/python manage.py serve

# Everything that can be tested here; what cannot is skipped with its reason, and counted.
# Then once more on PostgreSQL, where ARGS may leave nothing to run: that is exit code 5.
test: $(VENV)/.dev
	@$(BIN)/python -m pytest $(ARGS)
	@ORACLE_EXAMPLES=200 ARCHIVE_ORACLE_EXAMPLES=40 ERASURE_ORACLE_EXAMPLES=25 IMPORT_EXAMPLES=25 \
	  $(BIN)/python -m trackingsite.tests.postgres -- \
	  $(BIN)/python -m pytest -m "not browser and not server" $(ARGS) || [ $$? -eq 5 ]

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --check $$(git ls-files 'templates/*.html')
	$(BIN)/mypy .
	$(BIN)/python manage.py makemigrations --check --dry-run --settings trackingsite.settings.testing
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
	ALLOWED_HOSTS=stats.example.org \
	$(BIN)/python manage.py check --deploy --fail-level WARNING --settings trackingsite.settings.production

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djade $$(git ls-files 'templates/*.html')

bench: $(VENV)/.dev
	@for file in bench/[a-z]*.py; do $(BIN)/python $$file $(ARGS) || exit 1; done

# Faults and long runs, about two hours in all; `make test` has each of them in short.
soak: $(VENV)/.dev
	@failed=; \
	try() { echo "soak/$$1: takes about $$2" >&2; shift 2; $(BIN)/python "$$@" $(ARGS) || failed=yes; }; \
	try archive "10 minutes" soak/archive.py; \
	try archive "10 minutes" soak/archive.py --database postgres; \
	try crash "12 minutes" soak/crash.py; \
	try crash "4 minutes" soak/crash.py --database postgres; \
	try disk "20 minutes" soak/disk.py; \
	try flat "11 minutes" soak/flat.py; \
	try fuzz "8 minutes" soak/fuzz.py; \
	try locks "2 minutes" soak/locks.py; \
	try overload "6 minutes" soak/overload.py; \
	try postgres "1 minute" soak/postgres.py; \
	try slow "2 minutes" soak/slow.py; \
	try slow_report "5 minutes" soak/slow_report.py; \
	try stop "5 minutes" soak/stop.py; \
	try together "6 minutes" soak/together.py; \
	try together "6 minutes" soak/together.py --database postgres; \
	echo "10,000 histories against the oracle: takes about 30 minutes" >&2; \
	ORACLE_EXAMPLES=6000 ARCHIVE_ORACLE_EXAMPLES=1500 ERASURE_ORACLE_EXAMPLES=1000 \
	  $(BIN)/python -m pytest reports/tests/test_*oracle.py || failed=yes; \
	echo "Four processes, 50,000 hits in random order: takes about 4 minutes" >&2; \
	STORM_HITS=50000 $(BIN)/python -m pytest visits/tests/test_processes.py || failed=yes; \
	STORM_HITS=50000 $(BIN)/python -m trackingsite.tests.postgres -- \
	  $(BIN)/python -m pytest visits/tests/test_processes.py || failed=yes; \
	[ -z "$$failed" ]

demo: $(VENV)/.run
	@$(BIN)/python manage.py seed_demo --events $(EVENTS)

# Every page, on desktop and phone, light and dark, empty and full, into FOLDER.
FOLDER ?= screenshots
screenshots: $(VENV)/.dev
	@mkdir -p $(FOLDER)
	@SCREENSHOTS=$(abspath $(FOLDER)) $(BIN)/python -m pytest -q \
	  reports/tests/test_pages_in_browser.py -k every_page_fits

# Finds the texts that are marked to be translated, and compiles what locale/*/*.po says of them.
messages: $(VENV)/.dev
	$(BIN)/python manage.py makemessages -l de -l fr --no-location --no-wrap --no-obsolete \
	  -i "*/tests/*" -i bench -i soak
	$(BIN)/python manage.py compilemessages

# Writes requirements/*.txt anew from pyproject.toml.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" --quiet
lock: $(VENV)/.dev
	$(BIN)/$(LOCK) --output-file requirements/run.txt
	$(BIN)/$(LOCK) --group dev --constraints requirements/run.txt --output-file requirements/dev.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "trackingsite needs Python 3.11 or newer. Name one: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python has no venv module. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "The environment $(VENV) cannot be made here; the line above says why."; exit 1; }

$(VENV)/.run: requirements/run.txt | $(VENV)/bin/python
	@echo "Installing the locked dependencies into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "Installing the locked dependencies for tests into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV)
