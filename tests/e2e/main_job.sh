#!/usr/bin/env bash
# The whole main job on a small drawn input: every stage runs, what comes out opens, a second run does nothing, one setting
# reruns what reads it and nothing else, and going back reruns nothing.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
stages_run() { grep -oE '^[a-z]+: [0-9.]+ s:' "$scratch/log" | cut -d: -f1 | tr '\n' ' '; }
expect() { [ "$(stages_run)" = "$1" ] || { cat "$scratch/log"; echo "stages run: $(stages_run)— expected: $1"; exit 1; }; }

job als.factors=8 run.threads=2
expect "sample faces cascade features emotion playlists tags als evaluate report pack "
tail -n 2 "$scratch/log" | grep -q '^sample: ' || { echo "no closing line"; exit 1; }
grep -q '^to be known: .*drawn by a program' "$scratch/log" || { echo "the closing lines do not say that the data are drawn"; exit 1; }
out=$scratch/out/sample
for file in faces/faces.h5 faces/skipped.tsv cascade/cascade.xml cascade/stages.jsonl features/features.h5 emotion/emotion.h5 emotion/history.jsonl \
  playlists/playlists.h5 playlists/likes.npz tags/tags.vec tags/tags.bin tags/tag_neighbours.tsv als/als.npz als/loss.jsonl metrics.json report/index.html report/model_card.md report/data_statement.md report.html costs.json \
  bundle/bundle.json bundle/cascade.xml bundle/emotion.safetensors bundle/recommender.safetensors; do
  [ -s "$out/$file" ] || [ "$(basename "$file")" = skipped.tsv ] || { echo "$file is missing or empty"; exit 1; }
done
[ -z "$(find "$scratch/out" -name '*.part')" ] || { echo "part files were left"; exit 1; }
for word in 'id="cost"' 'id="records"' 'HDF5 ' 'als.factors=8' 'peak memory' 'tags.size=16'; do
  grep -qF "$word" "$out/report.html" || { echo "report.html does not say: $word"; exit 1; }
done
grep -q '"peak_memory_bytes"' "$out/costs.json"
sums >"$scratch/first"

job als.factors=8
expect ""
job als.factors=8 run.threads=1
expect ""
job als.factors=9
expect "als evaluate report pack "
job als.factors=8
expect ""

# While a run is at work on an OUT, a second one is refused and a look at its state is not.
(flock 9
  ! make -s run MODE=$mode EXP=sample OUT="$scratch/out" 2>"$scratch/second" || { echo "two runs at once"; exit 1; }
  grep -q "another run is at work" "$scratch/second"
  make -s status MODE=$mode EXP=sample OUT="$scratch/out" SET="$small als.factors=8" >"$scratch/status"
  grep -q '^als .* done$' "$scratch/status") 9>"$scratch/out/.lock"
# What is shown is the last run, also when its SET is not repeated.
make -s report MODE=$mode EXP=sample OUT="$scratch/out" 2>"$scratch/log" | grep -qx "open $scratch/out/sample/report.html"
expect ""

# One thread instead of two, and stages side by side, on a fresh store: the same bytes.
mv "$scratch/out" "$scratch/two"
jobs=-j2
job als.factors=8 run.threads=1
sums | diff <(sed 's/ .*store/ /' "$scratch/first") - >"$scratch/differences" || { cat "$scratch/differences"; echo "one thread gave other bytes"; exit 1; }

"$MOODCAST_BIN"/moodcast recommend --bundle "$out/bundle" --label positive -n 5 --seed 3 --json >"$scratch/a.json"
"$MOODCAST_BIN"/moodcast recommend --bundle "$out/bundle" --label positive -n 5 --seed 3 --json | cmp "$scratch/a.json" -
grep -q why "$scratch/a.json"
