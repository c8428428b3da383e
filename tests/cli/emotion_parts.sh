#!/usr/bin/env bash
# Varied copies and folds leave the same bytes on any number of threads and after interruptions.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
quiet() { "$@" 2>"$scratch/log" || { cat "$scratch/log"; echo "failed: $*"; exit 1; }; }
say() { echo "$1"; cat "$scratch/log"; exit 1; }
quiet "$train" sample --out "$scratch/sample" --set sample.people=14 --set sample.pictures=9 --set sample.backgrounds=4 --set sample.playlists=50
quiet "$train" faces --out "$scratch/faces" --in sample="$scratch/sample" --set faces.input=@sample/faces.zip
common=(--set preprocess.crop=centre --set preprocess.size=64 --set network.cut=block2_pool --set network.weights=init --set network.batch=8
  --set emotion.average_pool=4 --set emotion.epochs=5 --set augment.copies=3 --set augment.blur=1 --set augment.cutout=0.2 --set augment.grey=0.3)
features() { "$train" features --in faces="$scratch/faces" --out "$scratch/$1" "${common[@]}" --set run.threads="$2" 2>"$scratch/log"; }

features one 1 || say "features on one thread"
features two 2 || say "features on two threads"
cmp "$scratch/one/features.h5" "$scratch/two/features.h5"
stops=0
for moment in 0.1 0.2 0.3 0.4 0.6 0.8; do
  status=0
  { timeout -s INT "$moment" "$train" features --in faces="$scratch/faces" --out "$scratch/stopped" "${common[@]}" --set run.threads=2 \
    >"$scratch/log" 2>&1; } 2>/dev/null || status=$?
  [ $status = 0 ] && break
  stops=$((stops + 1))
done
[ $stops -gt 0 ] || say "never stopped"
features stopped 2 || say "features do not go on"
cmp "$scratch/one/features.h5" "$scratch/stopped/features.h5"

# Figures of folds: the same on any number of threads, as many as were asked for, and the training after them is not touched by them.
emotion() { "$train" emotion --in features="$scratch/one" --out "$scratch/$1" "${common[@]}" --set run.threads="$2" --set emotion.folds="$3" 2>"$scratch/log"; }
emotion plain 2 0 || say "emotion without folds"
for folds in 2 3; do
  emotion "e1_$folds" 1 $folds || say "$folds folds on one thread"
  emotion "e2_$folds" 2 $folds || say "$folds folds on two threads"
  cmp "$scratch/e1_$folds/emotion.h5" "$scratch/e2_$folds/emotion.h5"
  cmp "$scratch/plain/emotion.h5" "$scratch/e2_$folds/emotion.h5"
  /usr/bin/python3 - "$scratch/e1_$folds/metrics.json" "$scratch/e2_$folds/metrics.json" $folds <<'END'
import json, statistics, sys
one, two = (json.load(open(path))["folds"] for path in sys.argv[1:3])
assert one == two, "the folds' figures differ by the number of threads"
for name in ("accuracy", "balanced_accuracy", "least_recall"):
    each = one[name]["each"]
    assert len(each) == int(sys.argv[3]) and all(0 <= v <= 1 for v in each), each
    assert abs(one[name]["mean"] - statistics.mean(each)) < 1e-6 and abs(one[name]["spread"] - statistics.stdev(each)) < 1e-6
END
done
emotion "e_many" 1 20 && say "more folds than people are accepted"
grep -q 'emotion.folds: 20 folds need at least' "$scratch/log" || say "no word of the people"

# The head's training killed on its way and run again.
for moment in 0.02 0.05 0.1; do
  { timeout -s KILL $moment "$train" emotion --in features="$scratch/one" --out "$scratch/killed" "${common[@]}" >/dev/null 2>&1; } 2>/dev/null || true
done
emotion killed 2 0 || say "emotion after a kill"
cmp "$scratch/plain/emotion.h5" "$scratch/killed/emotion.h5" && cmp "$scratch/plain/history.jsonl" "$scratch/killed/history.jsonl"
