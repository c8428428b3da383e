#!/usr/bin/env bash
# configs/SETTINGS.md is what the schema says, and every config in configs/ is one that the reader takes.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
diff configs/SETTINGS.md <("$train" config --reference) || { echo "configs/SETTINGS.md: write it anew with moodcast-train config --reference"; exit 1; }
export MOODCAST_DATA=${MOODCAST_DATA:-/nowhere}
for file in configs/*.ini; do [ "$file" = configs/cluster.ini ] || "$train" config --config "$file" >/dev/null; done
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
"$train" config --comments >"$scratch/all.ini"
"$train" config --comments --config "$scratch/all.ini" | diff "$scratch/all.ini" -
