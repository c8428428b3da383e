# moodcast: `make help` tells what can be typed.

EXP  ?= sample
SET  ?=
MODE ?= release

ifeq ($(origin CC),default)
CC := gcc
endif

# A misspelt word on the command line would change nothing without a word.
KNOWN_WORDS := MPI MPICC MPIRUN RANKS CLUSTER EXP SET FROM TO GRID DRY KEEP_GOING STAGE A B C D OUT MODE CC BUILD BIN JOBS CFLAGS LDFLAGS WERROR LIBS NAME FUZZ SECONDS FUZZ_MAIN FUZZ_LINK WEIGHTS_URL WEIGHTS_DIR DESTDIR PREFIX
given := $(foreach word,$(.VARIABLES),$(if $(findstring command line,$(origin $(word))),$(word)))
ifneq ($(filter-out $(KNOWN_WORDS),$(given)),)
$(error $(filter-out $(KNOWN_WORDS),$(given)): no such word; there are $(KNOWN_WORDS))
endif

# MPI=1 builds with MPICC, beside the build for one process; RANKS is how many processes a stage gets (pipeline/SCALE.md).
MPICC   ?= mpicc
MPIRUN  ?= mpirun
RANKS   ?= $(if $(MPI),2)
ifneq ($(if $(MPI),,$(RANKS)),)
$(error RANKS=$(RANKS) needs MPI=1)
endif

LIBS    ?= base config io num vision nn text recsys report stages runtime
# build/mpi, build/mpi.openmpi for MPICC=mpicc.openmpi: its objects are those of the build for one process, but for one.
BUILD   ?= build/$(if $(MPI),$(patsubst mpicc%,mpi%,$(notdir $(MPICC)))$(if $(filter-out release,$(MODE)),-$(MODE)),$(MODE))
BIN     := $(if $(filter build/release,$(BUILD)),build/bin,$(BUILD)/bin)
OBJ     := $(if $(and $(MPI),$(filter file,$(origin BUILD))),build/$(MODE),$(BUILD))/obj
DEPS_OK := build/deps.ok

include pipeline/deps.mk

# ---- flags -------------------------------------------------------------------------
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith
MODE_release := -O3 -g
MODE_debug   := -O0 -g
MODE_asan    := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
MODE_tsan    := -O1 -g -fsanitize=thread
# Counts that threads raise at once are kept, so that no branch seems taken by the difference of two wrong sums.
MODE_coverage := -O1 -g --coverage -fprofile-update=atomic
ifndef MODE_$(MODE)
$(error MODE=$(MODE): use release, debug, asan, tsan or coverage)
endif
# Baseline that every x86-64 of the last fifteen years has; faster kernels are chosen at run time.
ARCH   := -march=x86-64-v2
# Kernels of a higher level lie in files of their own, named after it; cpu_features() says whether they may run.
$(OBJ)/%_avx2.o:   ARCH := -march=x86-64-v3
$(OBJ)/%_avx512.o: ARCH := -march=x86-64-v4
# Asked for once, and only when a recipe needs them: before `deps` there may be no pkg-config.
once = $(eval $(1) := $(shell $(2)))$($(1))
PKG_CFLAGS   = $(call once,PKG_CFLAGS,pkg-config --cflags $(PKGS_TRAIN) $(PKGS_RUNTIME))
TRAIN_LIBS   = $(call once,TRAIN_LIBS,pkg-config --libs $(PKGS_TRAIN))
RUNTIME_LIBS = $(call once,RUNTIME_LIBS,pkg-config --libs $(PKGS_RUNTIME))
TEST_LIBS    = $(call once,TEST_LIBS,pkg-config --libs $(PKGS_TRAIN) libmicrohttpd libseccomp cmocka)
LINK_TRAIN   = $(TRAIN_LIBS) -lcsv -lm -lpthread
LINK_RUNTIME = $(RUNTIME_LIBS) -lm -lpthread
LINK_TESTS   = $(TEST_LIBS) -lcsv -lm -lpthread
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE $(MODE_$(MODE)) $(ARCH) -fopenmp $(WARN) $(WERROR) -ffp-contract=off \
             -Isrc $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = $(MODE_$(MODE)) -fopenmp -Wl,--as-needed $(LDFLAGS)

# ---- libraries: one directory each, in link order from the top down --------------------
reverse   = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
sources   = $(wildcard src/$(1)/*.c)
# One of the twins of base/comm.h.
twin      = $(if $(MPI),$(patsubst %/comm.o,$(BUILD)/comm_mpi.o,$(filter-out %/comm_mpi.o,$(1))),$(filter-out %/comm_mpi.o,$(1)))
objects   = $(call twin,$(patsubst src/%.c,$(OBJ)/%.o,$(call sources,$(1))))
ARCHIVES := $(foreach lib,$(LIBS),$(BUILD)/lib/lib$(lib).a)
LINK_ORDER := $(call reverse,$(ARCHIVES))

define library
$(BUILD)/lib/lib$(1).a: $(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach lib,$(LIBS),$(eval $(call library,$(lib))))

.PHONY: all programs libs
all: programs
programs: $(BIN)/moodcast-train $(BIN)/moodcast
libs: $(ARCHIVES)

$(OBJ)/%.o: src/%.c | $(DEPS_OK)
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@
# The MPI compiler wraps the compiler that it was built with, unless told.
WRAPPED = $(if $(MPI),MPICH_CC=$(CC) OMPI_CC=$(CC) $(MPICC),$(CC))
$(BUILD)/comm_mpi.o: src/base/comm_mpi.c src/base/comm.h src/base/base.h | $(DEPS_OK)
	@mkdir -p $(@D)
	@echo "  CC  $<"
	@$(WRAPPED) $(CFLAGS_ALL) -c $< -o $@
# The one file whose results may depend on the CPU, and the only one where a product and a sum may become one instruction.
$(OBJ)/text/skipgram_fused.o: CFLAGS_ALL += -ffp-contract=fast
# A square root that never reports through errno can be taken four at a time; its value is the same.
$(OBJ)/nn/head_step.o: CFLAGS_ALL += -fno-math-errno
# gcc's own choice for these processors is half their width.
$(OBJ)/vision/value_avx512.o: ARCH += -mprefer-vector-width=512
# The page's files are embedded by the assembler, which writes no dependencies.
$(OBJ)/runtime/web_page.o: $(wildcard src/runtime/page/*)
-include $(shell find $(OBJ) $(BUILD)/tests -name '*.d' 2>/dev/null)

$(BIN)/moodcast-train: $(OBJ)/app/train_main.o $(OBJ)/app/app_start.o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(WRAPPED) $(LDFLAGS_ALL) $(filter %.o,$^) $(LINK_ORDER) $(LINK_TRAIN) -o $@
# The runtime links neither HDF5 nor libarchive: nothing that it calls may need them.
$(BIN)/moodcast: $(OBJ)/app/moodcast_main.o $(OBJ)/app/app_start.o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(CC) $(LDFLAGS_ALL) $(filter %.o,$^) $(LINK_ORDER) $(LINK_RUNTIME) -o $@

# ---- unit tests: one binary a test_*.c, over the libraries ------------------------------
$(BUILD)/tests/%: tests/unit/%.c $(wildcard tests/support/*.c tests/support/*.h) $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(WRAPPED) $(CFLAGS_ALL) -Itests -MMD -MP $< $(wildcard tests/support/*.c) $(LDFLAGS_ALL) $(LINK_ORDER) \
	       $(LINK_TESTS) -o $@
comma := ,
# Our own allocations, and no one else's, go by way of tests/unit/failing_memory.h in these.
$(BUILD)/tests/test_no_memory%: LDFLAGS_ALL += $(foreach name,malloc calloc realloc posix_memalign strdup free,-Wl$(comma)--wrap=$(name))
# Every input of the network passes by this test.
$(BUILD)/tests/test_one_tensor: private LDFLAGS_ALL += -Wl,--wrap=network_plan_forward
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
.PHONY: unit
unit: $(UNIT_TESTS)

# ---- fuzz targets: one program a tests/fuzz/fuzz_*.c, which replays its corpus; `make fuzz` lets libFuzzer loose -----------
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_REPLAYS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SOURCES))
FUZZ_MAIN    ?= tests/fuzz/replay.c
$(BUILD)/fuzz/%: tests/fuzz/%.c $(FUZZ_MAIN) $(wildcard tests/fuzz/*.h tests/unit/*_fixture.h tests/support/support.[ch]) $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(CC) $(CFLAGS_ALL) -Itests $< $(FUZZ_MAIN) tests/support/support.c $(LDFLAGS_ALL) $(FUZZ_LINK) $(LINK_ORDER) $(LINK_TESTS) -o $@
.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_REPLAYS)

# Programs that time a library for tests/peers.
$(BUILD)/peers/bench_recommend: LDFLAGS_ALL += -Wl,--wrap=row_search_run
$(BUILD)/peers/%: tests/peers/%.c $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD  $@"
	@$(WRAPPED) $(CFLAGS_ALL) $< $(LDFLAGS_ALL) $(LINK_ORDER) $(LINK_TRAIN) -o $@

include pipeline/stages.mk
include pipeline/check.mk
include pipeline/targets.mk
include pipeline/install.mk
