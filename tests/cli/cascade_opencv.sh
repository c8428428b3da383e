#!/usr/bin/env bash
# OpenCV finds the same rectangles: with its own cascades, and with one that was trained here. A killed training resumes to the same bytes.
set -eu
cd "$(dirname "$0")/../.."
judge=tests/golden/cascade_opencv.py
/usr/bin/python3 -c 'import cv2, numpy' 2>/dev/null || { echo "SKIP cascade_opencv: python3-opencv is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT

/usr/bin/python3 $judge --world "$scratch/world"
# $1 folder, $2 threads, $3 depth of the trees: the command that trains there.
command_for() {
	command=("$MOODCAST_BIN/moodcast-train" cascade --out "$scratch/$1" --set "cascade.positives=$scratch/world/crops"
		--set "cascade.backgrounds=$scratch/world/backgrounds" --set cascade.num_pos=150 --set cascade.num_neg=150
		--set cascade.mode=ALL --set cascade.stages=5 --set cascade.min_hit_rate=0.98 --set "run.threads=$2" --set "cascade.max_depth=${3:-1}")
}
train() {
	command_for "$@"
	"${command[@]}" >"$scratch/$1.log" 2>&1 || { cat "$scratch/$1.log"; exit 1; }
}
train one 1
train two 2
train trees 2 2
cmp "$scratch/one/cascade.xml" "$scratch/two/cascade.xml"
cmp "$scratch/one/stages.jsonl" "$scratch/two/stages.jsonl"
cmp "$scratch/one/holdout.tsv" "$scratch/two/holdout.tsv"
[ ! -e "$scratch/one/checkpoint" ]

# Killed once its first checkpoint stands, then run again.
command_for killed 1
"${command[@]}" >"$scratch/killed.log" 2>&1 & pid=$!
for _ in $(seq 2000); do [ -e "$scratch/killed/checkpoint" ] && break; kill -0 $pid 2>/dev/null || break; sleep 0.005; done
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
train killed 2
cmp "$scratch/one/cascade.xml" "$scratch/killed/cascade.xml"
cmp "$scratch/one/stages.jsonl" "$scratch/killed/stages.jsonl"

grep -q '"nodes":' "$scratch/trees/stages.jsonl"
/usr/bin/python3 $judge "$MOODCAST_BIN/moodcast" "$scratch" "$scratch/one/cascade.xml" "$scratch/trees/cascade.xml"
cascades=/usr/share/opencv4/haarcascades
[ -d $cascades ] || { echo "SKIP cascade_opencv: opencv-data is not installed"; exit 77; }
/usr/bin/python3 $judge "$MOODCAST_BIN/moodcast" "$scratch" $cascades/*.xml
