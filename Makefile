# What people type. `make help` lists it.

PORT ?= 8000
PREFIX ?= /usr/local
SHELL := /bin/bash
SETUP := tools/setup/setup.sh
BUILD := tools/build.sh

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: build models ## Serve the demo models (PORT=8000) until Ctrl-C
	@exec build/release/weir serve --models models --models examples/models --port $(PORT)

.PHONY: build
build: ## Build the program: build/release/weir
	@$(SETUP) build
	@$(BUILD) release weir embed

.PHONY: models
models: ## Make the demo models: models/minilm, models/sentiment
	@$(SETUP) models

.PHONY: test
test: build models ## Run everything that is a test (also under TSan and ASan+UBSan)
	@$(SETUP) test
	@tools/test.sh

.PHONY: lint
lint: build ## clang's thread-safety check, clang-tidy, clang-format
	@$(SETUP) test
	@$(SETUP) lint
	@tools/lint.sh

.PHONY: format
format: ## Format the C++ files
	@$(SETUP) lint
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

.PHONY: bench
bench: build models ## Measure, prints ratios (WORKS="mixed short"; also the slow ones: peers grid predict overload reload workers cycles)
	@$(SETUP) bench
	@$(BUILD) test weir_bench bare_loop weir_standin weir_grpc_echo weir_grpc_load
	@.deps/python-test/bin/python bench/run.py $(WORKS)

.PHONY: soak
soak: build models ## Models come and go at random while others use them: ten minutes under TSan and ASan
	@$(SETUP) test
	@$(BUILD) tsan engine_test weir && $(BUILD) asan engine_test weir
	@$(BUILD) test exploration_test && WEIR_EXPLORE_SCHEDULES=100000 build/test/exploration_test --gtest_brief=1
	@. tests/sanitizers.sh; export WEIR_CHURN_SECONDS=150; for kind in tsan asan; do \
	  build/$$kind/engine_test --gtest_brief=1 --gtest_filter='ChurnTest.Every*' && \
	  WEIR_BINARY=build/$$kind/weir .deps/python-test/bin/python -m pytest -q -p no:cacheprovider \
	    tests/integration/test_churn.py || exit 1; done

.PHONY: fuzz
fuzz: build ## Fuzz every parser of outside bytes (SECONDS_EACH=60)
	@$(SETUP) fuzz
	@tools/fuzz.sh

.PHONY: bare
bare: ## Try both README commands in a bare Debian root (SUITE=bookworm)
	@tools/bare_machine.sh

.PHONY: install
install: build ## Install a tree that can be moved (PREFIX=/usr/local)
	@cmake --install build/release --prefix $(abspath $(PREFIX)) >/dev/null
	@echo "installed: $(abspath $(PREFIX))/bin/weir"

.PHONY: clean
clean: ## Remove what was built in this checkout (not the caches in ~/.cache/weir)
	@rm -rf build .deps bench/results
