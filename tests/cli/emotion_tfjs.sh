#!/usr/bin/env bash
# emotion.h5 run by TensorFlow.js, from its model_config and weights: the probabilities that evaluation tells. Head alone and tuned, with
# and without an average pooling, with a hidden layer and dropout.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
command -v node >/dev/null || { echo "SKIP emotion_tfjs: node is not installed"; exit 77; }
/usr/bin/python3 -c 'import h5py' 2>/dev/null || { echo "SKIP emotion_tfjs: python3-h5py is not installed"; exit 77; }
for modules in "${MOODCAST_TFJS:-}" tests/peers/node_modules; do
  [ -d "$modules/@tensorflow/tfjs" ] && break
done
[ -d "$modules/@tensorflow/tfjs" ] || { echo "SKIP emotion_tfjs: @tensorflow/tfjs is not installed (npm install --prefix tests/peers @tensorflow/tfjs)"; exit 77; }
TFJS=$(realpath "$modules/@tensorflow/tfjs"); export TFJS
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
quiet() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "failed: $*"; exit 1; }; }
quiet "$train" sample --out "$scratch/sample" --set sample.people=12 --set sample.pictures=9 --set sample.backgrounds=4 --set sample.playlists=50
quiet "$train" faces --out "$scratch/faces" --in sample="$scratch/sample" --set faces.input=@sample/faces.zip
common=(--set preprocess.crop=centre --set preprocess.size=32 --set network.cut=block2_pool --set network.weights=init --set emotion.epochs=5
  --set emotion.tune_epochs=2 --set emotion.tune_rate=0.0001)
quiet "$train" features --in faces="$scratch/faces" --out "$scratch/pictures" "${common[@]}" --set emotion.trainable=all
for trained in head all; do
  rm -rf "$scratch/features"
  quiet "$train" features --in faces="$scratch/faces" --out "$scratch/features" "${common[@]}" --set emotion.trainable=$trained
  for shape in "0 0 0" "3 0 0" "3 16 0.3" "0 8 0"; do
    read -r pool hidden dropout <<<"$shape"
    set -- "${common[@]}" --set emotion.trainable=$trained --set emotion.average_pool="$pool" --set emotion.hidden="$hidden" --set emotion.dropout="$dropout"
    rm -rf "$scratch/emotion" "$scratch/judged"
    quiet "$train" emotion --in features="$scratch/features" --out "$scratch/emotion" "$@"
    quiet "$train" evaluate --in features="$scratch/features" --in emotion="$scratch/emotion" --out "$scratch/judged" "$@"
    /usr/bin/python3 tests/golden/keras_export.py "$scratch/emotion/emotion.h5" "$scratch/pictures/features.h5" "$scratch/judged/predictions.tsv" "$scratch"
    node tests/golden/keras_tfjs.mjs "$scratch" 2>/dev/null || { node tests/golden/keras_tfjs.mjs "$scratch"; exit 1; }
  done
done
