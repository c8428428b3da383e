#!/usr/bin/env bash
# What make says of experiments: why a stage is to do, what a run would do, runs side by side, whether results are what they were, what may go.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
want() { grep -qF -- "$1" "$scratch/said" || { cat "$scratch/said"; echo "not said: $1"; exit 1; }; }
say() { "$@" >"$scratch/said" 2>&1 || { cat "$scratch/said"; echo "failed: $*"; exit 1; }; }
refuse() { ! "$@" >"$scratch/said" 2>&1 || { cat "$scratch/said"; echo "not refused: $*"; exit 1; }; }

# Before the first run everything is to do; TO ends there; FROM wants what stands before it.
say run_make status als.factors=8; want "als"; want "to do: has not run yet"
refuse run_make run als.factors=8 FROM=tags; want "FROM=tags: sample stands before it and is to do"
say run_make run als.factors=8 TO=playlists
[ -e "$scratch"/out/store/playlists-*/done ] && [ ! -e "$scratch/out/sample/run.json" ]
ls "$scratch"/out/store | grep -q '^faces-' && { echo "TO=playlists ran faces"; exit 1; }
job als.factors=8
refuse run_make run als.factors=8 TO=playlist; want "no such stage"

# Why, and DRY does nothing.
say run_make status als.factors=8; ! grep -q 'to do' "$scratch/said" || { cat "$scratch/said"; echo "something is to do right after a run"; exit 1; }
say run_make status als.factors=9; want "als.factors: 9 (was 8)"; want "reads another als"
[ "$(sed -n 's/^evaluate *[0-9a-f]* //p' "$scratch/said")" = "to do: als.factors: 9 (was 8), reads another als" ] || { cat "$scratch/said"; echo "evaluate: other reasons"; exit 1; }
say run_make status network.weights="$scratch/said"; want "to do: said is new, input init is gone"
before=$(ls "$scratch/out/store")
say run_make run "als.factors=9 run.seed=7" DRY=1; want "run.seed: 7 (was 1)"
[ "$before" = "$(ls "$scratch/out/store")" ] || { echo "DRY=1 made results"; exit 1; }

# A stage that fails says where its log is; with KEEP_GOING what does not read it goes on.
refuse run_make run "als.factors=8 faces.max_skipped=0 faces.expressions=9 tags.size=8" KEEP_GOING=1
want "its log: $scratch/out/store/faces-"; want "tags: "
log=$(sed -n 's/.*its log: //p' "$scratch/said"); tail -n 1 "$log" | grep -q '"level": "error"'

# Side by side.
cp -a "$scratch/out/sample" "$scratch/out/first"
job "als.factors=9 emotion.epochs=2"
say make --no-print-directory -s compare MODE=$mode OUT="$scratch/out" A=first B=sample
want "als.factors: 8 | 9"; want "emotion.epochs: 3 | 2"; want "balanced accuracy"; want "hidden songs, nDCG@100"
! grep -q 'tags.size' "$scratch/said" || { echo "a setting that does not differ is shown"; exit 1; }
refuse make --no-print-directory -s compare MODE=$mode OUT="$scratch/out" A=first B=nothing; want "holds no finished run"
refuse make --no-print-directory -s compare MODE=$mode OUT="$scratch/out" A=first; want "say which: make compare A="

# Results are what they were; a stage that is run again leaves the same bytes; a changed byte is named.
for stage in sample faces cascade features emotion playlists tags als evaluate report pack; do
  say run_make verify "als.factors=9 emotion.epochs=2" STAGE=$stage; want "run again: the same bytes"
done
echo >>"$scratch/out/sample/tags/tags.vec"
refuse run_make verify als.factors=9; want "tags/tags.vec: sha256"
truncate -s -1 "$scratch/out/sample/tags/tags.vec"
say run_make verify als.factors=9

# What no experiment names may go, and only that.
job "als.factors=7 emotion.epochs=2"
job "als.factors=9 emotion.epochs=2"
say make --no-print-directory -s gc MODE=$mode OUT="$scratch/out" DRY=1; want "would remove $scratch/out/store/"
say make --no-print-directory -s gc MODE=$mode OUT="$scratch/out"; want "freed"
job "als.factors=9 emotion.epochs=2"
! grep -qE '^[a-z]+: [0-9.]+ s:' "$scratch/log" || { cat "$scratch/log"; echo "gc took results that were named"; exit 1; }
[ "$(readlink -e "$scratch/out/first/als")" ] || { echo "gc took results that a link names"; exit 1; }
(flock 9; refuse make --no-print-directory -s gc MODE=$mode OUT="$scratch/out"; want "a run is at work") 9>"$scratch/out/.lock"
