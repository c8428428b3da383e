#!/usr/bin/env bash
# `moodcast-train arena`: a contest's questions answered, and scored as the contest scores.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3 judge=tests/golden/arena_score.py
$python -c 'import h5py' 2>/dev/null || { echo "SKIP arena: python3-h5py is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
stage() { "$train" "$@" 2>"$folder/log" || { cat "$folder/log"; exit 1; }; }
stage sample --out "$folder/sample" --set sample.playlists=800 --set sample.songs=600 --set sample.people=6 --set sample.pictures=3 --set sample.backgrounds=4
stage playlists --out "$folder/playlists" --set "playlists.input=$folder/sample/playlists.json" --set playlists.holdout=0.2
stage als --in playlists="$folder/playlists" --out "$folder/als" --set als.factors=8 --set als.iterations=3
stage evaluate --in playlists="$folder/playlists" --in als="$folder/als" --out "$folder/evaluate" --set evaluate.bootstrap=100
$python $judge ask "$folder/playlists" "$folder/val.json"
arena() { "$train" arena "$folder/val.json" --in playlists="$folder/playlists" --in als="$folder/als" "$@" 2>"$folder/log"; }
arena --out "$folder/results.json" --set run.threads=2 | grep -q 'playlists answered' || { cat "$folder/log"; exit 1; }
$python $judge score "$folder/playlists" "$folder/results.json" "$folder/evaluate/metrics.json"
arena --out "$folder/again.json" --set run.threads=1 >"$folder/said"
cmp "$folder/results.json" "$folder/again.json"

refused() { # status words command…
  local want=$1 words=$2 status=0
  shift 2
  "$@" >"$folder/said" 2>"$folder/log" || status=$?
  [ "$status" = "$want" ] && grep -q "$words" "$folder/log" || { echo "arena: status $status, expected $want and '$words':"; cat "$folder/log"; exit 1; }
}
# Playlists that nobody learnt from: folded in, the same with any number of threads.
$python $judge new "$folder/playlists" "$folder/val.json"
arena --out "$folder/results.json" --set run.threads=2 >"$folder/said" || { cat "$folder/log"; exit 1; }
grep -q 'were not learnt from' "$folder/log"
$python $judge guests "$folder/playlists" "$folder/results.json" "$folder/val.json"
arena --out "$folder/again.json" --set run.threads=1 >"$folder/said"
cmp "$folder/results.json" "$folder/again.json"
head -c 20 "$folder/val.json" >"$folder/cut" && mv "$folder/cut" "$folder/val.json"
refused 4 'val.json' arena --out "$folder/none.json"
refused 2 'QUESTIONS.json' "$train" arena --out "$folder/none.json"
[ ! -e "$folder/none.json" ]
