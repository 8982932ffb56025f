# Every target only calls `course` or a tool from the environment, so all of it can be done without make.
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)

.PHONY: course test strength bench book serve lab clean

# The main job: the book, the assignments for the students, a sample class of each graded.
course: .venv/book
	$(BIN)/course doctor --install
	$(BIN)/course build
	set -e; for name in A1 A2 A3 A4; do $(BIN)/course release $$name; done
	$(BIN)/course demo
	@echo "book      $(CURDIR)/_build/html/index.html"
	@echo "students  $(CURDIR)/assignments/release"

# Everything that CI runs.
test: .venv/test
	$(BIN)/course doctor --install --browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest -n 2 --dist loadgroup

# How well the assignments' tests tell right from wrong, over ten secrets; half an hour.
strength: .venv/test
	$(BIN)/python tests/assignments/strength.py

# Every layer's time and memory beside torch.nn's, and the autograder beside nbgrader; half an hour.
bench: .venv/test
	$(BIN)/python tests/benchmarks/layers.py
	$(BIN)/python tests/benchmarks/grading.py

book: .venv/book
	$(BIN)/course build

# The book on http://localhost:8000
serve: book
	$(BIN)/python -m http.server --directory _build/html 8000

# The chapters as notebooks; the released assignments are in the same tree.
lab: book
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/_build/html/notebooks

# What was generated; the environment stays.
clean:
	rm -rf _build

.venv/book: EXTRAS = book,grading
.venv/test: EXTRAS = test
.venv/book .venv/test: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else \
		"Python 3.11 to 3.13 is needed; name one with: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install torch==2.13.0
	$(BIN)/pip install -c constraints.txt -e '.[$(EXTRAS)]'
	touch $@
