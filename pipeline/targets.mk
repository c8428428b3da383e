# What can be typed: `make help`.

.DEFAULT_GOAL := help
.PHONY: help slurm run sweep status report demo compare verify gc test bench fuzz fuzz-all fuzz-corpus weights clean

help:
	@echo "make run [EXP=sample] [SET=\"als.factors=64 …\"]   train what is out of date for configs/EXP.ini"
	@echo "     TO=stage ends there · FROM=stage only if all before it is done · DRY=1 only says what · KEEP_GOING=1 past a failure · -j2 side by side within run.memory_mb"
	@echo "     MPI=1 RANKS=4   the long stages on four processes (pipeline/SCALE.md) · MPICC=mpicc.mpich MPIRUN=mpirun.mpich by other names"
	@echo "make slurm EXP=… [CLUSTER=configs/cluster.ini]   a Slurm job a stage in out/EXP/slurm, and submit.sh, which hands them in"
	@echo "make sweep EXP=… GRID=\"emotion.l2=0.3,1 emotion.average_pool=2,3\"   try combinations; the best is run to its end"
	@echo "make status [EXP=…]    which stages are done, which are not and why"
	@echo "make report [EXP=…]    where the last run's report lies (without one: run)"
	@echo "make compare A=… B=… [C=… D=…]   finished experiments side by side: settings, figures, cost"
	@echo "make verify [EXP=…] [STAGE=…]   are all results what was written; STAGE is run again and must leave the same bytes"
	@echo "make gc [DRY=1]        remove results that no experiment's last run names"
	@echo "make demo [EXP=…]      start the program with the last run's bundle for your webcam on http://127.0.0.1:8080"
	@echo "make test              build and run every test"
	@echo "make check             two compilers, cppcheck, clang-tidy, other CPU levels, AddressSanitizer and UBSan, ThreadSanitizer, two builds' bytes:"
	@echo "     $(CHECKS)   each by itself"
	@echo "make coverage          which lines and branches of src/ the tests run"
	@echo "make fuzz [FUZZ=fuzz_picture] [SECONDS=60]   libFuzzer on one target of tests/fuzz, starting from its corpus"
	@echo "make fuzz-all [SECONDS=3600]   each target until it has had so much CPU time, which is remembered"
	@echo "make fuzz-corpus   the smallest corpora that reach what was found, into tests/fuzz/corpus"
	@echo "make weights           download Keras' VGG16 weights into data/weights and check them"
	@echo "make deps | deps-test | deps-check   install the Debian packages for building | for the tests' judges | for check, fuzz and coverage"
	@echo "make bench [NAME=faces]   each part beside its peers, in turns on the same input"
	@echo "make install [PREFIX=/usr/local] [DESTDIR=]   the program, its man page and its systemd unit · make package   build/moodcast_*.deb"
	@echo "make clean             remove build/; results in out/ stay"
	@echo "experiments: $(filter-out cluster,$(patsubst configs/%.ini,%,$(wildcard configs/*.ini)))"

# out/EXP/STAGE links to the current results of each stage; a link is replaced only when it changes.
link = [ "$$(readlink $(EXP_DIR)/$(1))" = "$(2)" ] || { rm -f $(EXP_DIR)/$(1) && ln -s $(2) $(EXP_DIR)/$(1); }
ifneq ($(DRY),)
$(TRAINED): status
	@:
else ifdef MOODCAST_LOCKED
run: $(foreach stage,$(PLAN),$(call folder,$(stage))/done)
	@$(foreach stage,$(PLAN),$(call link,$(stage),../$(patsubst $(OUT)/%,%,$(call folder,$(stage)))) &&) true
	@$(call link,metrics.json,evaluate/metrics.json)
	@$(if $(filter pack,$(PLAN)),$(call link,bundle,pack/bundle),rm -f $(EXP_DIR)/bundle)
	@cmp -s $(PLAN_MK:.mk=.json) $(RUN_LOG) || $(call keep,$(PLAN_MK:.mk=.json),$(RUN_LOG))
	@$(TRAIN) summary --in evaluate=$(call folder,evaluate) $(if $(filter pack,$(PLAN)),--in pack=$(call folder,pack)) --exp $(EXP) --out $(EXP_DIR)
# Before anything runs; without a FROM nothing is asked.
.PHONY: from
from:
	@$(if $(FROM),$(TRAIN) status --store $(STORE) --exp $(FROM) $(PLAN_MK:.mk=.json),:)
$(foreach stage,$(PLAN),$(call folder,$(stage))/done): | from
else
# The stages inherit the lock's descriptor: it is held until the last of them has ended, whatever happens to make.
$(TRAINED): locked
	@:
GOALS = $(sort $(filter $(TRAINED),$(MAKECMDGOALS)) $(if $(filter report demo,$(MAKECMDGOALS)),$(SHOW_RUN)))
.PHONY: locked $(TRAINED)
locked:
	@mkdir -p $(OUT)
	@MOODCAST_LOCKED=1 flock -n -E 75 $(LOCK) $(MAKE) --no-print-directory $(if $(KEEP_GOING),-k) \
	  $(if $(TO),$(patsubst run,stage-$(TO),$(GOALS)),$(GOALS)) || { code=$$?; [ $$code -ne 75 ] || \
	  { echo "error: $(LOCK): another run is at work in $(OUT)/; wait until it has ended, or give this one its own OUT=folder" >&2; code=3; }; \
	  exit $$code; }
endif

status:
	@$(TRAIN) status --store $(STORE) $(PLAN_MK:.mk=.json) $(RUN_LOG)

RUNS = $(foreach name,$(A) $(B) $(C) $(D),$(OUT)/$(name))
compare: programs
	@[ $(words $(RUNS)) -ge 2 ] || { echo "error: say which: make compare A=… B=… [C=… D=…], each an EXP that was run" >&2; exit 2; }
	@$(TRAIN) compare $(RUNS)

verify: programs
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	  $(TRAIN) verify --exp $(EXP_DIR) $(if $(STAGE),$(STAGE) --config $(SNAPSHOT) --out "$$scratch")

gc:
	@mkdir -p $(OUT)
	@flock -n -E 75 $(LOCK) pipeline/gc.sh $(OUT) $(DRY) || { code=$$?; [ $$code -ne 75 ] || \
	  { echo "error: $(LOCK): a run is at work in $(OUT)/; its results may be among those that no plan names yet" >&2; code=3; }; exit $$code; }

# These two show what the last run left, whatever its SET was; without results, or with a SET of their own, they run first.
SHOW_RUN := $(if $(and $(wildcard $(EXP_DIR)/report.html),$(if $(SET),,yes)),,run)
report: $(SHOW_RUN)
	@echo "open $(if $(filter /%,$(OUT)),,$(CURDIR)/)$(EXP_DIR)/report.html"

demo: $(or $(SHOW_RUN),programs)
	@[ -e $(EXP_DIR)/bundle/bundle.json ] || { echo "error: $(CONFIG): gives no bundle; it takes faces, backgrounds and playlists" >&2; exit 2; }
	@$(BIN)/moodcast serve --bundle $(EXP_DIR)/bundle

test:
	@$(MAKE) -s --no-print-directory $(jobs) programs unit fuzz-targets
	@tests/run.sh $(BIN) $(BUILD)/tests

# What they find goes to build/fuzzer, never into the corpus by itself. fuzz-all counts each target's CPU time across runs.
FUZZ    ?= fuzz_nested_zip
SECONDS ?= 60
FUZZER   = $(MAKE) -s --no-print-directory $(jobs) MODE=asan CC=clang BUILD=build/fuzzer FUZZ_MAIN= CFLAGS='-fsanitize=fuzzer-no-link' FUZZ_LINK=-fsanitize=fuzzer
fuzz:
	@$(FUZZER) build/fuzzer/fuzz/$(FUZZ)
	@mkdir -p build/fuzzer/corpus/$(FUZZ) build/fuzzer/found/$(FUZZ)
	@build/fuzzer/fuzz/$(FUZZ) -max_total_time=$(SECONDS) -rss_limit_mb=2500 -artifact_prefix=build/fuzzer/found/$(FUZZ)/ \
	  build/fuzzer/corpus/$(FUZZ) tests/fuzz/corpus/$(FUZZ)
fuzz-all:
	@$(FUZZER) fuzz-targets
	@python3 tests/fuzz/hours.py build/fuzzer $(SECONDS) $(JOBS)
fuzz-corpus:
	@$(FUZZER) fuzz-targets
	@python3 tests/fuzz/minimise.py build/fuzzer

WEIGHTS_NAME  := vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5
WEIGHTS_URL   ?= https://github.com/fchollet/deep-learning-models/releases/download/v0.1/$(WEIGHTS_NAME)
WEIGHTS_BYTES := 58889256
WEIGHTS_MD5   := 6d6bbae143d832006294945121d1f1fc
WEIGHTS_DIR   ?= data/weights
weights:
	@pipeline/fetch.sh "$(WEIGHTS_URL)" "$(WEIGHTS_DIR)/$(WEIGHTS_NAME)" $(WEIGHTS_BYTES) $(WEIGHTS_MD5)

# The experiments' configs apart from the clusters'.
CLUSTER ?= configs/cluster.ini
slurm: $(CONFIG)
	@EXP='$(EXP)' OUT='$(OUT)' SET='$(SET)' MPICC='$(MPICC)' pipeline/slurm/fill.sh $(CLUSTER) $(EXP_DIR)/slurm $(STAGES)

bench: programs
	@tests/peers/run.sh $(BIN) $(NAME)

clean:
	rm -rf build

# Tries combinations of settings; what they share is computed once (pipeline/sweep.sh).
sweep:
	@pipeline/sweep.sh '$(MAKE)' '$(OUT)' '$(EXP)' '$(strip $(GRID))' '$(strip $(SET))'
