# Each target only calls `course`, so whatever it does can be done without make.
PYTHON ?= python3
export VIRTUAL_ENV := $(CURDIR)/.venv
export PATH := $(VIRTUAL_ENV)/bin:$(PATH)

.PHONY: course test book serve lab lint clean

course: .venv/book            ## the main job: book, release, sample class
	course doctor --install
	course build
	course release A1
	course demo

test: .venv/test              ## everything that CI runs
	course doctor --install --browser
	ruff check . && ruff format --check .
	python -m pytest

book: .venv/book              ## only the book
	course build

serve: book                   ## the book on http://localhost:8000
	python -m http.server --directory _build/html 8000

lab: .venv/book               ## the chapters as notebooks
	jupyter lab chapters

clean:                        ## remove what was generated, not the environment
	rm -rf _build

.venv/book .venv/test: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	pip install --quiet --progress-bar on torch==2.13.0
	pip install --quiet --progress-bar on -c constraints.txt -e '.[book,grading$(if $(findstring test,$@),$(COMMA)test)]'
	touch $@

COMMA := ,
