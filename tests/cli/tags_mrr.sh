#!/usr/bin/env bash
# Hidden tags are found by moodcast's vectors as well as by gensim's of the same settings.
# Melon's real tags when MOODCAST_DATA is set, else drawn playlists.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3
$python -c 'import gensim, h5py' 2>/dev/null || { echo "SKIP tags_mrr: $python has no gensim or h5py"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage() { "$train" "$@" 2>"$work/log" || { cat "$work/log"; exit 1; }; }
real=${MOODCAST_DATA:+$MOODCAST_DATA/playlists/melon_train_tags.json}
if [ -n "$real" ] && [ -f "$real" ]; then
	input=$real epochs=5
else
	input=$work/sample/playlists.json epochs=20
	stage sample --set sample.people=6 --set sample.pictures=3 --set sample.backgrounds=4 --set sample.playlists=4000 --out "$work/sample"
fi
stage playlists --set playlists.input="$input" --set playlists.holdout=0.05 --out "$work/playlists"
stage tags --set tags.epochs=$epochs --in playlists="$work/playlists" --out "$work/tags"
stage evaluate --in playlists="$work/playlists" --in tags="$work/tags" --set evaluate.bootstrap=500 --out "$work/evaluate"
$python tests/golden/tags_mrr.py "$work/playlists" "$work/tags" "$work/evaluate/metrics.json" $epochs
