#!/usr/bin/env bash
# emotion.h5 read as Keras reads it (h5py), its probabilities rebuilt in NumPy and PyTorch, its quality beside scikit-learn's; and bad input.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3 judge=tests/golden/emotion_keras.py
$python -c 'import h5py, numpy' 2>/dev/null || { echo "SKIP emotion_h5py: python3-h5py is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OPENBLAS_NUM_THREADS=1
mkdir "$folder/features"
echo "{}" >"$folder/features/metrics.json"
PREPROCESS='{"crop":["centre"],"margin":0.2,"centre":0.6,"size":32,"kernel":"area","channels":"bgr","mean":[103.939,116.779,123.68],"scale":1,"detect_scale":1.1,"detect_neighbors":3,"detect_min_size":40}' \
  $python $judge make "$folder/features"
settings=(--set network.cut=block1_pool --set network.weights=init --set preprocess.size=32)
emotion() { # out threads average_pool
  "$train" emotion "${settings[@]}" --set run.threads="$2" --set emotion.average_pool="$3" --in features="$folder/features" \
    --out "$folder/$1" 2>"$folder/log" || { cat "$folder/log"; exit 1; }
}
for pool in 0 2; do
  emotion "one$pool" 1 $pool
  emotion "two$pool" 2 $pool
  cmp "$folder/one$pool/emotion.h5" "$folder/two$pool/emotion.h5"
  cmp "$folder/one$pool/history.jsonl" "$folder/two$pool/history.jsonl"
  "$train" evaluate "${settings[@]}" --in features="$folder/features" --in emotion="$folder/one$pool" --out "$folder/judged$pool" \
    2>"$folder/log" || { cat "$folder/log"; exit 1; }
  $python $judge check "$folder/features" "$folder/one$pool/emotion.h5" "$folder/judged$pool/predictions.tsv"
done

refused() { # status words… -- arguments…
  local want=$1 words=$2 got=0
  shift 2
  "$train" emotion "${settings[@]}" --out "$folder/bad" "$@" 2>"$folder/log" || got=$?
  [ "$got" = "$want" ] || { echo "status $got instead of $want:"; cat "$folder/log"; exit 1; }
  grep -q "$words" "$folder/log" || { echo "no word of '$words':"; cat "$folder/log"; exit 1; }
  [ ! -e "$folder/bad/emotion.h5" ] && [ ! -e "$folder/bad/history.jsonl" ] || { echo "a half-written result"; exit 1; }
  rm -rf "$folder/bad"
}
refused 2 'emotion.average_pool' --set emotion.average_pool=20 --in features="$folder/features"
refused 5 'epoch 1, step' --set emotion.learning_rate=10 --set emotion.standardise=no --in features="$folder/features"
mkdir "$folder/cut" "$folder/one_class"
head -c 100000 "$folder/features/features.h5" >"$folder/cut/features.h5"
refused 4 'features\.h5' --in features="$folder/cut"
$python - "$folder" <<'END'
import h5py, shutil, sys
shutil.copy(sys.argv[1] + "/features/features.h5", sys.argv[1] + "/one_class/features.h5")
with h5py.File(sys.argv[1] + "/one_class/features.h5", "a") as f:
    f["label"][f["label"][:] == 2] = 1
END
refused 4 "class 'negative' has no training examples" --in features="$folder/one_class"

# A person on both sides of the split: no figure at all.
mkdir "$folder/leak"
echo "{}" >"$folder/leak/metrics.json"
$python - "$folder" <<'END'
import h5py, shutil, sys
shutil.copy(sys.argv[1] + "/features/features.h5", sys.argv[1] + "/leak/features.h5")
with h5py.File(sys.argv[1] + "/leak/features.h5", "a") as f:
    person = f["person"][:]
    person[-1] = person[0]
    f["person"][:] = person
END
status=0
"$train" evaluate "${settings[@]}" --in features="$folder/leak" --in emotion="$folder/one0" --out "$folder/none" 2>"$folder/log" || status=$?
[ "$status" = 4 ] && grep -q "both in training and held out" "$folder/log" || { echo "a leak gives status $status"; cat "$folder/log"; exit 1; }
[ ! -e "$folder/none/metrics.json" ] && [ ! -e "$folder/none/predictions.tsv" ]
