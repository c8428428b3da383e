#!/usr/bin/env bash
# The stage `als` against a float64 NumPy/SciPy solver of the same objective, on a playlists.h5 that h5py wrote.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3 judge=tests/golden/als_numpy.py
$python -c 'import scipy, h5py' 2>/dev/null || { echo "SKIP als_scipy: python3-scipy or python3-h5py is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/playlists"
$python $judge make "$folder/playlists"
als() { # out confidence factors iterations threads
  "$train" als --set als.regularization=0.08 --set als.alpha=1 --set als.confidence="$2" --set als.factors="$3" --set als.iterations="$4" --set run.threads="$5" \
    --in playlists="$folder/playlists" --out "$folder/$1" 2>"$folder/log" || { cat "$folder/log"; exit 1; }
}
# 8 factors: most rows are longer; 40: most are shorter. Both solvers, and all confidences.
for case in raw:8 log:8 minmax:8 bm25:8 log:40 bm25:40; do
  confidence=${case%:*} factors=${case#*:}
  als "one.$case" "$confidence" "$factors" 1 1
  als "all.$case" "$confidence" "$factors" 6 2
  $python $judge check "$folder/playlists" "$folder/one.$case" "$folder/all.$case" "$confidence" "$factors" 6
done
als again log 40 6 1
cmp "$folder/again/als.npz" "$folder/all.log:40/als.npz"
[ ! -e "$folder/again/als.checkpoint" ]

# A playlists.h5 that is cut off: a sentence with the file, status 3 or 4, nothing half-written.
mkdir "$folder/cut"
head -c 5000 "$folder/playlists/playlists.h5" >"$folder/cut/playlists.h5"
status=0
"$train" als --in playlists="$folder/cut" --out "$folder/none" 2>"$folder/log" || status=$?
[ "$status" = 3 ] || [ "$status" = 4 ] || { echo "a cut file gives status $status"; cat "$folder/log"; exit 1; }
grep -q 'playlists\.h5' "$folder/log" || { echo "the file is not named:"; cat "$folder/log"; exit 1; }
[ ! -e "$folder/none/als.npz" ] || { echo "als.npz of a cut input"; exit 1; }
