# What can be typed: `make help`.

.DEFAULT_GOAL := help
.PHONY: help run status report demo test check bench fuzz clean

help:
	@echo "make run [EXP=sample] [SET=\"als.factors=64 …\"]   train what is out of date for configs/EXP.ini"
	@echo "make status [EXP=…]    which stages are done and which are not"
	@echo "make report [EXP=…]    where the report lies"
	@echo "make demo [EXP=…]      start the program for your webcam on http://127.0.0.1:8080"
	@echo "make test              build and run every test"
	@echo "make check             the same under AddressSanitizer and UBSan, and a build with clang"
	@echo "make fuzz [FUZZ=fuzz_cascade_xml] [SECONDS=60]   libFuzzer on one target of tests/fuzz, starting from its corpus"
	@echo "make deps | deps-test  install the Debian packages for building | for the tests' judges"
	@echo "make clean             remove build/; results in out/ stay"
	@echo "experiments: $(patsubst configs/%.ini,%,$(wildcard configs/*.ini))"

# out/EXP/STAGE links to the current results of each stage; a link is replaced only when it changes.
link = [ "$$(readlink $(EXP_DIR)/$(1))" = "$(2)" ] || { rm -f $(EXP_DIR)/$(1) && ln -s $(2) $(EXP_DIR)/$(1); }
run: $(foreach stage,$(PLAN),$(call folder,$(stage))/done)
	@$(foreach stage,$(PLAN),$(call link,$(stage),../$(patsubst $(OUT)/%,%,$(call folder,$(stage)))) &&) true
	@$(call link,metrics.json,evaluate/metrics.json)
	@$(if $(filter pack,$(PLAN)),$(call link,bundle,pack/bundle),true)
	@$(TRAIN) summary --in evaluate=$(call folder,evaluate) --exp $(EXP)

status:
	@$(foreach stage,$(PLAN),printf '%-10s %s %s\n' $(stage) $(ID_$(stage)) \
	  "$$([ -e $(call folder,$(stage))/done ] && echo done || echo 'to do')";)

report: run
	@echo "open $(abspath $(EXP_DIR)/report/index.html)"

demo: run
	@$(BIN)/moodcast serve --bundle $(EXP_DIR)/bundle

test:
	@$(MAKE) --no-print-directory -j$(JOBS) programs unit fuzz-targets
	@tests/run.sh $(BIN) $(BUILD)/tests

check:
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=asan WERROR=-Werror programs unit fuzz-targets
	@ASAN_OPTIONS=detect_leaks=1 OPENBLAS_CORETYPE= tests/run.sh build/asan/bin build/asan/tests
	@$(MAKE) --no-print-directory -j$(JOBS) CC=clang BUILD=build/clang WERROR=-Werror programs unit

# What it finds goes to build/fuzzer/found, never into the corpus by itself.
FUZZ    ?= fuzz_cascade_xml
SECONDS ?= 60
fuzz:
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=asan CC=clang BUILD=build/fuzzer FUZZ_MAIN= \
	  CFLAGS='-fsanitize=fuzzer-no-link' FUZZ_LINK=-fsanitize=fuzzer build/fuzzer/fuzz/$(FUZZ)
	@mkdir -p build/fuzzer/found/$(FUZZ)
	@build/fuzzer/fuzz/$(FUZZ) -max_total_time=$(SECONDS) -rss_limit_mb=4096 -artifact_prefix=build/fuzzer/found/$(FUZZ)- \
	  build/fuzzer/found/$(FUZZ) tests/fuzz/corpus/$(FUZZ)

clean:
	rm -rf build
