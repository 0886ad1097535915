# Every command sets itself up. `make VENV=path` uses another environment; an installed torch is kept as it is, that of
# PYTHON only where its torchvision imports.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
NB ?=
NAME ?=
SEEDS ?= 1000
DEVICE ?=
DEST ?=
SEED ?=
STUDENTS ?=
export NB NAME SEEDS DEVICE DEST SEED STUDENTS  # by the environment: what one types there is no command

.PHONY: demo test test-slow test-browser bench data lab assignments course slides site notebooks new-notebook runs ship clean
.DEFAULT_GOAL := demo

READY := $(VENV)/.kdviz-ready
$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || if $(PYTHON) -c "import torch, torchvision" 2>/dev/null; \
	  then $(PYTHON) -m venv --system-site-packages $(VENV); \
	  else $(PYTHON) -c "import torch" 2>/dev/null && echo "The torch of $(PYTHON) is not used, for no torchvision" \
	    "imports with it: to use it, install torchvision from where that torch came, delete $(VENV) and make again." >&2; \
	  $(PYTHON) -m venv $(VENV); fi
	@echo "Installing into $(VENV); the first time this takes a few minutes."
	@cp constraints.txt $(VENV)/constraints.txt; \
	  kept=$$($(BIN)/python -c "import torch; print('torch==' + torch.__version__)" 2>/dev/null) \
	  && { grep -vE '^torch(vision)?==' constraints.txt; echo "$$kept"; } > $(VENV)/constraints.txt; true
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -e ".[test,pages]"
	@$(BIN)/python -c "import torchvision" 2>/dev/null && touch $@ \
	  || echo "No torchvision imports in $(VENV): install the one that belongs to its torch, from where that came." >&2

demo: $(READY)        ## show the committed notebooks, then execute them on embedded data, as pages in build/
	@$(BIN)/python -m kdviz.publish demo

test: $(READY)        ## unit tests, then the notebooks in the digits lane, then in the MNIST lane
	@$(BIN)/python -m ruff check --quiet .
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal
	@$(BIN)/python -m kdviz.publish test

test-slow: $(READY)   ## fifty killed trainings instead of ten, and forty submissions marked
	@$(BIN)/python -m pytest -q -m slow

test-browser: $(READY) ## every explorer in JupyterLab and a headless Chromium: latency.csv in build/browser
	@$(BIN)/python -c "import playwright" 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(VENV)/constraints.txt -e ".[browser]"
	@$(BIN)/python -m pytest -q tests/browser

bench: $(READY)       ## the benchmarks on the CPU, about half an hour; benchmarks/gpu.sh has the GPU's
	@for name in correct tutorial modules products peer added lane convolutions peers objectives hinton; do $(BIN)/python benchmarks/$$name.py || exit 1; done
	@$(BIN)/python benchmarks/table.py

data: $(READY)         ## download MNIST, Fashion-MNIST and BANKING77 into data/
	@$(BIN)/python -c "import kdviz; [kdviz.load(name, download=True) for name in ('mnist', 'fashion_mnist', 'banking77')]; print('The data sets are in place.')"

lab: $(READY)         ## JupyterLab on a copy of the notebooks, lab/, that git does not see
	@$(BIN)/python -m kdviz.publish lab
	@$(BIN)/jupyter lab --ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) lab/00_start_here.ipynb

assignments: $(READY) ## write the student versions of the assignments from their solutions
	@$(BIN)/python -m kdviz.publish assignments

course: $(READY)      ## hand out: make course DEST=../course SEED=word STUDENTS=names.txt
	@$(BIN)/python -m kdviz.publish course "$$DEST" "$$SEED" --students "$$STUDENTS"

slides: $(READY)      ## a notebook as slides, one file that needs no network: make slides NB=02_dark_knowledge
	@$(BIN)/python -m kdviz.publish slides "$$NB"

site: $(READY)        ## all notebooks as linked pages with search, and their slides, in build/site
	@$(BIN)/python -m kdviz.publish site

notebooks: $(READY)   ## execute and clean the notebooks for committing (MNIST lane, shipped runs)
	@$(BIN)/python -m kdviz.publish commit

new-notebook: $(READY) ## begin a walkthrough that runs as it is: make new-notebook NAME=06_pruning
	@$(BIN)/python -m kdviz.publish new "$$NAME"

runs: $(READY)        ## train the reference runs: make runs NB=02 SEEDS=3 DEVICE=cuda
	@$(BIN)/python -m kdviz.publish train --notebook "$$NB" --seeds "$$SEEDS" --device "$$DEVICE"

ship: $(READY)        ## write what the notebooks read of those runs to data/runs
	@$(BIN)/python -m kdviz.publish ship

clean:
	@rm -rf build
