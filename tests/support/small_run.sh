# Sourced: `make run` on an input small enough for a test. Wants $scratch; `job SETTING…` runs into $scratch/out with its words in $scratch/log.
# The programs under test are those that make runs.
: "${MOODCAST_BIN:=$PWD/build/bin}"
jobs=
mode=$(basename "$(dirname "$MOODCAST_BIN")"); case $mode in asan|tsan|debug|coverage) ;; *) mode=release ;; esac
small="sample.people=12 sample.pictures=6 sample.backgrounds=16 sample.playlists=300 sample.songs=300 cascade.num_pos=40 cascade.num_neg=60
  cascade.stages=3 network.cut=block1_pool emotion.average_pool=15 emotion.epochs=3 tags.epochs=1 tags.size=16 als.iterations=3 evaluate.bootstrap=50"
# What follows the goal; SET by itself, since it holds spaces.
run_make() { local goal=$1 set=$2; shift 2; make --no-print-directory -s $jobs "$goal" MODE=$mode EXP=sample OUT="$scratch/out" SET="$small $set" "$@"; }
job() { run_make run "$*" >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "make run failed"; exit 1; }; }
# sha256 of every artefact; times and logs are no artefacts.
sums() { (cd "${1:-$scratch/out}/store" && find . -type f ! -name done ! -name log.jsonl ! -name inputs.tsv | sort | xargs sha256sum); }
