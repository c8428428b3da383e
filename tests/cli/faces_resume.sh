#!/usr/bin/env bash
# faces, killed again and again at any point, ends with the bytes of an undisturbed run; other settings or another archive start anew.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3
$python -c 'import cv2' 2>/dev/null || { echo "SKIP faces_resume: python3-opencv is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
$python tests/golden/faces_many.py "$scratch/faces.zip" 24 60
# A picture that cannot be read: what was skipped must come back, too.
head -c 700 /dev/urandom >"$scratch/C7.jpg"
$python - "$scratch" <<'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/faces.zip", "a") as z:
    with z.open("19000099.zip", "w") as f, zipfile.ZipFile(f, "w") as inner:
        for e in (1, 2, 3):
            inner.writestr(f"S001/L1/E0{e}/C7.jpg", b"\xff\xd8\xff\xe0 not whole")
END
run() { # OUT seconds-until-the-kill (0 = none) settings
  local out=$1 after=$2 code=0; shift 2
  local command=("$train" faces --out "$scratch/$out" --set faces.input="$scratch/faces.zip" --set faces.frame_width=160 --set faces.frame_height=120 "$@")
  [ "$after" = 0 ] || command=(timeout -s KILL "$after" "${command[@]}")
  "${command[@]}" 2>>"$scratch/log" || code=$?
  return $code
}
for level in 0 6; do
  run whole$level 0 --set faces.compress=$level --set run.threads=1
  kills=0 after=0.05
  while [ ! -e "$scratch/often$level/done" ]; do
    code=0; run often$level $after --set faces.compress=$level --set run.threads=2 2>/dev/null || code=$?
    [ $code = 0 ] || [ $code = 137 ] || { echo "exit $code"; tail "$scratch/log"; exit 1; }
    [ $code = 0 ] || kills=$((kills + 1))
    after=$(awk "BEGIN { print $after + 0.04 }")
  done
  cmp "$scratch/whole$level/faces.h5" "$scratch/often$level/faces.h5"
  cmp "$scratch/whole$level/skipped.tsv" "$scratch/often$level/skipped.tsv"
  [ $kills -ge 2 ] || { echo "killed only $kills times"; exit 1; }
  left=$(find "$scratch/often$level" -name '*.part'); [ -z "$left" ] || { echo "left: $left"; exit 1; }
  echo "compress=$level: killed $kills times, the same bytes"
done
grep -q 'goes on behind [0-9]* of 1443 pictures' "$scratch/log" || { echo "no run went on:"; cat "$scratch/log"; exit 1; }

# Rows of other settings are of no use.
after=0.2; while run mixed $after --set faces.compress=6; do rm -rf "$scratch/mixed"; after=$(awk "BEGIN { print $after / 2 }"); done 2>/dev/null
run mixed 0 --set faces.compress=0
cmp "$scratch/whole0/faces.h5" "$scratch/mixed/faces.h5"
