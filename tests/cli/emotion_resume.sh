#!/usr/bin/env bash
# The head's training, with folds before it, stopped by a signal and killed within epochs: it goes on from its last checkpoint and ends with
# the bytes of the undisturbed run, on one thread and on two, without and with a hidden layer; nothing is left behind.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
quiet() { "$@" 2>"$scratch/log" || { cat "$scratch/log"; echo "failed: $*"; exit 1; }; }
say() { echo "$1"; cat "$scratch/log"; exit 1; }
quiet "$train" sample --out "$scratch/sample" --set sample.people=14 --set sample.pictures=9 --set sample.backgrounds=4 --set sample.playlists=50
quiet "$train" faces --out "$scratch/faces" --in sample="$scratch/sample" --set faces.input=@sample/faces.zip
common=(--set preprocess.crop=centre --set preprocess.size=64 --set network.cut=block2_pool --set network.weights=init --set emotion.patience=9999
  --set emotion.checkpoint_steps=7 --set emotion.batch=4)
quiet "$train" features --in faces="$scratch/faces" --out "$scratch/features" "${common[@]}"

for shape in "plain 40 3 --set emotion.average_pool=4" "hidden 16 0 --set emotion.hidden=24 --set emotion.dropout=0.4 --set emotion.l2=0.001"; do
  read -r name epochs folds rest <<<"$shape"
  read -ra rest <<<"$rest"
  settings=("${common[@]}" --set emotion.epochs="$epochs" --set emotion.folds="$folds" "${rest[@]}")
  for threads in 1 2; do
    quiet "$train" emotion --in features="$scratch/features" --out "$scratch/$name$threads" "${settings[@]}" --set run.threads=$threads
  done
  cmp "$scratch/${name}1/emotion.h5" "$scratch/${name}2/emotion.h5"
  for signal in INT KILL; do
    stops=0 resumed=0 out=$scratch/$name$signal
    for epochs_seen in 1 3 2 4; do
      : >"$scratch/log"
      "$train" emotion --in features="$scratch/features" --out "$out" "${settings[@]}" --set run.threads=2 >"$scratch/log" 2>&1 &
      until [ "$(grep -c 'epoch ' "$scratch/log")" -gt "$epochs_seen" ] || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
      kill -s $signal $! 2>/dev/null || true
      { wait $!; } 2>/dev/null && break
      grep -q 'goes on at epoch' "$scratch/log" && resumed=$((resumed + 1))
      [ ! -e "$out/emotion.h5" ] || break
      stops=$((stops + 1))
    done
    quiet "$train" emotion --in features="$scratch/features" --out "$out" "${settings[@]}" --set run.threads=1
    [ $stops -gt 1 ] && [ $resumed -gt 0 ] || say "$name, $signal: stopped $stops times, went on $resumed times"
    cmp "$out/emotion.h5" "$scratch/${name}1/emotion.h5"
    cmp "$out/history.jsonl" "$scratch/${name}1/history.jsonl"
    /usr/bin/python3 - "$out/metrics.json" "$scratch/${name}1/metrics.json" <<'END'
import json, sys
a, b = (json.load(open(path)) for path in sys.argv[1:])
assert a == b, "the figures differ"
END
    [ -z "$(find "$out" -name '*.part*')" ] || say "$name, $signal: a checkpoint is left behind"
    echo "$name, $signal: stopped $stops times, went on $resumed times"
  done
done
