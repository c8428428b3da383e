#!/usr/bin/env bash
# The examples of the expression model's set-ups load, differ from kface.ini in the network's cut and the emotion section only, and say what
# their names promise; each drives the stages features and emotion on drawn faces.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
quiet() { "$@" 2>"$scratch/log" || { cat "$scratch/log"; echo "failed: $*"; exit 1; }; }
"$train" config --plain --config configs/kface.ini | sed '/^\[emotion\]/,/^\[/d; /^cut /d' >"$scratch/plain"
quiet "$train" sample --out "$scratch/sample" --set sample.people=10 --set sample.pictures=3 --set sample.backgrounds=4 --set sample.playlists=50
quiet "$train" faces --out "$scratch/faces" --in sample="$scratch/sample" --set faces.input=@sample/faces.zip

setup() { # name size inputs setting…: what the config must say, and the head's inputs on pictures of a size
  local name=$1 size=$2 inputs=$3 small
  shift 3
  "$train" config --plain --config "configs/$name.ini" >"$scratch/all"
  sed '/^\[emotion\]/,/^\[/d; /^cut /d' "$scratch/all" | diff "$scratch/plain" - || { echo "$name differs from kface elsewhere"; exit 1; }
  for setting; do grep -qx "$setting" "$scratch/all" || { echo "$name: no '$setting'"; exit 1; }; done
  small=(--config "configs/$name.ini" --set network.weights=init --set preprocess.size="$size" --set preprocess.crop=centre --set emotion.epochs=2
    --set emotion.tune_epochs=1 --set emotion.tune_batch=4)
  quiet "$train" features "${small[@]}" --in faces="$scratch/faces" --out "$scratch/$name/features"
  quiet "$train" emotion "${small[@]}" --in features="$scratch/$name/features" --out "$scratch/$name/emotion"
  grep -q "\"inputs\": $inputs," "$scratch/$name/emotion/metrics.json" || { echo "$name: not $inputs inputs"; exit 1; }
}
setup kface_block5 32 512 'cut = block5_pool' 'trainable = block5' 'average_pool = 0'
setup kface_all 32 512 'cut = block5_pool' 'trainable = all' 'average_pool = 0'
setup kface_block3 32 256 'cut = block3_pool' 'trainable = head' 'average_pool = 3'
setup kface_global 150 512 'cut = block5_pool' 'trainable = head' 'average_pool = 4'
setup kface_hidden 32 512 'hidden = 256' 'dropout = 0.5' 'trainable = head'
grep -q '"hidden": 256' "$scratch/kface_hidden/emotion/metrics.json" || { echo "kface_hidden: no hidden layer was trained"; exit 1; }
