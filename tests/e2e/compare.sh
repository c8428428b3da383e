#!/usr/bin/env bash
# `make compare` of two, three and four runs: the settings that differ come first, then figures with intervals, then, for runs over the same
# held-out people, each difference with its own interval; better and worse are said where that leaves 0 out, and only there.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
said=$scratch/said
compare() { make --no-print-directory -s compare MODE=$mode OUT="$scratch/out" "$@" >"$said" 2>&1; }
want() { grep -qE -- "$1" "$said" || { cat "$said"; echo "not said: $1"; exit 1; }; }
unsaid() { ! grep -qE -- "$1" "$said" || { cat "$said"; echo "said: $1"; exit 1; }; }
keep() { cp -a "$scratch/out/sample" "$scratch/out/$1"; }
job als.factors=8 emotion.epochs=1; keep plain
job als.factors=8 emotion.epochs=60 emotion.l2=0.01; keep longer
job als.factors=12 emotion.epochs=1; keep factors
job als.factors=8 emotion.epochs=1 run.seed=5; keep others

compare A=plain B=longer
[ "$(head -n 1 "$said")" = "settings and inputs that differ: plain | longer" ] || { cat "$said"; echo "settings do not come first"; exit 1; }
want '^  emotion\.epochs: 1 \| 60$'; want '^  emotion\.l2: 1 \| 0\.01$'; unsaid 'als.factors'
[ "$(grep -n emotion.epochs "$said" | cut -d: -f1)" -lt "$(grep -n '^held-out figures' "$said" | cut -d: -f1)" ]
want '^balanced accuracy +0?\.?[0-9.]+ ± [0-9.]+ '; want '^hidden songs, nDCG@100 '; want '^playlists that fit the face +[0-9.]+ ± '
want '^differences from plain, 95 %.* held-out people'; want '^seconds, all its stages'

compare A=plain B=longer C=factors
want '^settings .*: plain \| longer \| factors$'; want '^  als\.factors: 8 \| 8 \| 12$'; want '^  emotion\.epochs: 1 \| 60 \| 1$'
# The same verdicts on faces differ by nothing.
[ "$(grep -cE '\+0\.000 \(\+0\.000 … \+0\.000\) *$' "$said")" = 5 ] || { cat "$said"; echo "the same verdicts differ"; exit 1; }

compare A=plain B=longer C=factors D=others
want '^settings .*: plain \| longer \| factors \| others$'; want '^  run\.seed: 1 \| 1 \| 1 \| 5$'
# Other people are held out there: nothing to pair.
grep -A2 '^differences' "$said" | grep -qE '^balanced accuracy .*  – *$' || { cat "$said"; echo "other people were paired"; exit 1; }

# Against the paired bootstrap written anew: values to the last digit shown, intervals as near as two series of draws are.
if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  compare A=plain B=longer
  /usr/bin/python3 tests/golden/compare_paired.py "$scratch/out/plain" "$scratch/out/longer" "$said" || { cat "$said"; exit 1; }
else
  echo "without numpy the intervals are not judged"
fi

train=$MOODCAST_BIN/moodcast-train
refuse() {
  local code=$1 part=$2 got=0; shift 2
  "$train" compare "$@" >"$scratch/out.txt" 2>"$said" || got=$?
  [ $got -eq "$code" ] && grep -qF -- "$part" "$said" && [ ! -s "$scratch/out.txt" ] || { cat "$said"; echo "compare $*: exit $got, not $code with: $part"; exit 1; }
}
cd "$scratch/out"
refuse 2 'nothing: holds no finished run; `make run EXP=nothing` makes one' plain nothing
refuse 2 'takes 2 to 16 folders' plain
refuse 2 'takes 2 to 16 folders'
cp -a --dereference plain broken
printf 'row\tperson\ttruth\ta\tb\n3\tx\ta\t0.5\t0.5\n4\ty\tc\t0.5\t0.5\n' >broken/evaluate/predictions.tsv
refuse 4 'broken/evaluate/predictions.tsv:3: ' plain broken
