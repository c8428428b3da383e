# The manifest: one line a stage, `name:what,it,reads`, in the order in which data flows. A stage without input under the
# experiment's settings is left out of its plan, and a setting that names @STAGE/FILE adds what it reads.
MANIFEST := sample
MANIFEST += faces
MANIFEST += cascade:faces
MANIFEST += features:faces,cascade
MANIFEST += emotion:features
MANIFEST += playlists
MANIFEST += tags:playlists
MANIFEST += als:playlists
MANIFEST += evaluate:faces,cascade,features,emotion,playlists,tags,als
MANIFEST += report:faces,cascade,features,emotion,playlists,tags,als,evaluate
MANIFEST += pack:cascade,features,emotion,playlists,tags,als,evaluate

# ---- the hash chain -------------------------------------------------------------------------
# A stage's results lie in out/store/STAGE-ID. ID follows from its settings, its input files and the IDs above it, so what
# two experiments agree on is computed once, and going back to an old setting finds its results still there.
OUT      ?= out
ifneq ($(words $(OUT)) $(words $(EXP)),1 1)
$(error OUT="$(OUT)" EXP="$(EXP)": each is one word without spaces)
endif
STORE    := $(OUT)/store
EXP_DIR  := $(OUT)/$(EXP)
CONFIG   := configs/$(EXP).ini
PLAN_MK  := $(EXP_DIR)/plan.mk
# What the plan was made from: a config that is edited while a long run goes on must not reach its later stages.
SNAPSHOT := $(EXP_DIR)/config.ini
TRAIN    := $(BIN)/moodcast-train
JOBS     := $(shell nproc 2>/dev/null || echo 2)
OVERRIDE := $(foreach pair,$(SET),--set '$(pair)')

folder = $(STORE)/$(1)-$(ID_$(1))

# Stages whose work several processes share (pipeline/SCALE.md); the others are one process also under MPI=1.
RANKED := faces cascade features emotion tags als evaluate
launch = $(if $(and $(MPI),$(filter $(RANKED),$(1))),$(MPIRUN) -n $(RANKS) )$(TRAIN) $(1)

# Goals that need the plan of an experiment; the others work without a config.
RUN_LOG := $(EXP_DIR)/run.json
STAGES  := $(foreach word,$(MANIFEST),$(firstword $(subst :, ,$(word))))
ifneq ($(filter-out $(STAGES),$(FROM) $(TO) $(STAGE)),)
$(error $(filter-out $(STAGES),$(FROM) $(TO) $(STAGE)): no such stage; there are $(STAGES))
endif
TRAINED := run $(addprefix stage-,$(STAGES))
# One run at a time on one OUT: these goals start make again under a lock (pipeline/targets.mk), and plan there.
LOCK    := $(OUT)/.lock
PLANNED := status $(if $(or $(DRY),$(MOODCAST_LOCKED)),$(TRAINED))
# A look at the state must not change the plan of a run that goes on meanwhile.
ifneq ($(or $(filter status,$(MAKECMDGOALS)),$(DRY)),)
PLAN_MK := $(EXP_DIR)/status.mk
endif

ifneq ($(filter $(PLANNED) $(TRAINED) report demo verify,$(MAKECMDGOALS)),)
ifeq ($(wildcard $(CONFIG)),)
$(error $(CONFIG) is not there; EXP is one of: $(filter-out cluster,$(patsubst configs/%.ini,%,$(wildcard configs/*.ini))))
endif
endif
ifneq ($(filter $(PLANNED),$(MAKECMDGOALS)),)
# An empty plan spares the first run make's remark that the file is not there.
ifeq ($(wildcard $(PLAN_MK)),)
$(shell mkdir -p '$(EXP_DIR)' && : >'$(PLAN_MK)')
endif
# `include`, not `-include`: a config with a mistake in it stops make.
include $(PLAN_MK)
endif

# A copy, whole or not at all.
keep = { cp $(1) $(2).part 2>/dev/null && mv $(2).part $(2); } || \
  { rm -f $(2).part; echo "error: $(2): cannot be written; is there room on the disk?" >&2; exit 3; }

# Under `make -j` the jobs are shared out by make itself.
jobs = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: FORCE
FORCE:
$(PLAN_MK): FORCE
	@$(MAKE) -s --no-print-directory $(jobs) programs
	@mkdir -p $(@D) $(STORE)
	@$(TRAIN) plan --config $(CONFIG) $(OVERRIDE) --store $(STORE) --out $@ $(MANIFEST) || { code=$$?; \
	  [ -s $@ ] || { rm -f $@; rmdir $(@D) 2>/dev/null; }; exit $$code; }
	@case $@ in */status.mk) ;; *) cmp -s $(CONFIG) $(SNAPSHOT) || $(call keep,$(CONFIG),$(SNAPSHOT)) ;; esac

# Identities stand for contents, so results are rebuilt when they are missing, not when they are older (order-only).
define stage_rule
$(call folder,$(1))/done: | $(foreach up,$(UP_$(1)),$(call folder,$(up))/done)
	@$(call launch,$(1)) --config $(SNAPSHOT) $(OVERRIDE) $(foreach up,$(UP_$(1)),--in $(up)=$(call folder,$(up))) --out $(call folder,$(1)) \
	  --shares $(OUT)/.memory $(if $(MPI),</dev/null)
$(if $(MOODCAST_LOCKED),.PHONY: stage-$(1)
stage-$(1): $(call folder,$(1))/done
	@:)
endef
$(foreach stage,$(PLAN),$(eval $(call stage_rule,$(stage))))
ifdef MOODCAST_LOCKED
IDLE := $(addprefix stage-,$(filter-out $(PLAN),$(STAGES)))
.PHONY: $(IDLE)
$(IDLE): stage-%:
	@echo "error: $(CONFIG): gives the stage $* nothing to do; it has no input" >&2; exit 2
endif
