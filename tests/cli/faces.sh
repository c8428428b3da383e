#!/usr/bin/env bash
# The stage faces: every row is what zipfile and OpenCV read, in the archive's order, on any number of threads; bad input gets a sentence.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3 judge=tests/golden/faces_check.py
$python -c 'import cv2, h5py' 2>/dev/null || { echo "SKIP faces: python3-opencv or python3-h5py is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
faces() { # out input settings …
  local out=$scratch/$1 input=$2; shift 2
  "$train" faces --out "$out" --set faces.input="$input" --set faces.frame_width=200 --set faces.frame_height=150 "$@" 2>"$scratch/log"
}
refused() { # status, sentence, then as faces
  local want=$1 sentence=$2 status=0; shift 2
  rm -rf "$scratch/none"
  faces none "$@" || status=$?
  [ "$status" = "$want" ] || { echo "status $status, expected $want:"; cat "$scratch/log"; exit 1; }
  grep -q "$sentence" "$scratch/log" || { echo "no '$sentence' in:"; cat "$scratch/log"; exit 1; }
  [ ! -e "$scratch/none/faces.h5" ] || { echo "a faces.h5 was left"; exit 1; }
}

$python $judge make "$scratch/made.zip"
faces one "$scratch/made.zip" --set run.threads=1 --set faces.max_skipped=0.1 || { cat "$scratch/log"; exit 1; }
faces two "$scratch/made.zip" --set run.threads=2 --set faces.max_skipped=0.1
cmp "$scratch/one/faces.h5" "$scratch/two/faces.h5"
cmp "$scratch/one/skipped.tsv" "$scratch/two/skipped.tsv"
MOODCAST_CPU=baseline faces plain "$scratch/made.zip" --set faces.max_skipped=0.1
cmp "$scratch/one/faces.h5" "$scratch/plain/faces.h5"
$python $judge check "$scratch/made.zip" "$scratch/one" 200 150
grep -q 'S001/L1/E02/C7.*truncated' "$scratch/one/skipped.tsv"
grep -q 'S001/L1/E03/C7.*neither JPEG nor PNG, but text' "$scratch/one/skipped.tsv"

refused 4 'more than faces.max_skipped' "$scratch/made.zip" --set faces.max_skipped=0.02
head -c 60000 "$scratch/made.zip" >"$scratch/cut.zip"
refused 4 'cut.zip: .*cut off' "$scratch/cut.zip"
echo "only text" >"$scratch/text.zip"
refused 4 'text.zip: not an archive' "$scratch/text.zip"
refused 3 'none.zip' "$scratch/none.zip"
refused 4 'of 1 person' "$scratch/made.zip" --set faces.people=1 --set faces.max_skipped=1
refused 4 "class 'sad' has no picture" "$scratch/made.zip" --set faces.classes=E01=neutral,E07=sad
refused 2 'faces.person_pattern' "$scratch/made.zip" --set 'faces.person_pattern=('

real=${MOODCAST_DATA:-}/faces/kface_layout_real.zip
if [ -e "$real" ]; then
  "$train" faces --out "$scratch/real" --set faces.input="$real" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
  $python $judge check "$real" "$scratch/real" 256 256
  fer=$MOODCAST_DATA/faces/fer2013_subset.zip
  "$train" faces --out "$scratch/fer" --set faces.input="$fer" --set faces.classes= --set faces.frame_width=48 --set faces.frame_height=48 \
    2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
  grep -q '"layout": "folders"' "$scratch/fer/metrics.json"
else
  echo "the part on real photographs was left out: MOODCAST_DATA is not set"
fi
