#!/usr/bin/env bash
# Each ready config of configs/ reads data in its layout: FER2013's CSV of pixels, CK+'s folders with the person in the file's name, a CSV index.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train configs=$PWD/configs judge=$PWD/tests/golden/faces_layouts.py python=/usr/bin/python3
$python -c 'import cv2, h5py' 2>/dev/null || { echo "SKIP faces_layouts: python3-opencv or python3-h5py is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
cd "$scratch" && $python "$judge" "$scratch"
read_with() { "$train" faces --config "$configs/$1.ini" --out "$scratch/$1" "${@:2}" 2>log || { cat log; exit 1; }; }
says() { grep -qF -- "$2" "$1" || { echo "no '$2' in $1:"; cat "$1"; exit 1; }; }

read_with fer2013 --set faces.max_skipped=0.05
$python - <<'END'
import h5py, numpy as np
h5, truth = h5py.File("fer2013/faces.h5"), np.load("fer2013.npy")
assert h5["pixels"].shape == (140, 48, 48, 3)
assert all(np.array_equal(h5["pixels"][..., c], truth) for c in range(3)), "not the pixels of the CSV"
classes = [c.decode() if isinstance(c, bytes) else c for c in h5.attrs["classes"]]
names = "negative negative negative positive negative positive neutral".split()
assert [classes[l] for l in h5["label"]] == [names[i // 2 % 7] for i in range(140)], "labels"
assert list(h5["split"][:10]) == [0] * 8 + [2, 1], "parts"
END
says fer2013/skipped.tsv "3 samples are no square picture"
says fer2013/skipped.tsv "sample 4 is no number from 0 to 255"
read_with ckplus
says ckplus/metrics.json '"people": 8'
read_with csv
says csv/metrics.json '"people": 6'
says csv/metrics.json '"csv": 24'

"$train" faces --describe --in faces=ckplus >described || { cat described; exit 1; }
says described "64 faces, 8 people (a face of nobody known counts as one); leak check: nobody stands in two parts"
grep -qP '^positive\ttrain\t0\t0\t0\t0\t\d+$' described || { echo "no count of positive in train:"; cat described; exit 1; }
[ "$(awk -F'\t' 'NF == 7 && NR > 1 { sum += $7 } END { print sum }' described)" = 64 ]
$python - <<'END'
import h5py
h5 = h5py.File("ckplus/faces.h5", "r+")
person = h5["person"][:]
rows = [i for i in range(len(person)) if person[i] == person[0]]
h5["split"][rows[-1]] = (h5["split"][rows[-1]] + 1) % 3
END
status=0; "$train" faces --describe --in faces=ckplus >described 2>log || status=$?
[ $status = 4 ] && says log "leak: person S010 stands in two parts" || { echo "a leak was not seen: $status"; exit 1; }

# People by name, by file, by share.
read_with ckplus --out "$scratch/named" --set "faces.persons=S010, S012, S013, S015"
says named/metrics.json '"people": 4'
printf '# whom we asked\nS011\nS012\nS016\n' >people.txt
read_with ckplus --out "$scratch/listed" --set faces.persons_file=people.txt
says listed/metrics.json '"people": 3'
read_with ckplus --out "$scratch/shared" --set faces.people_share=0.5
says shared/metrics.json '"people": 4'
status=0; "$train" faces --config "$configs/ckplus.ini" --out none --set faces.persons=S999 2>log || status=$?
[ $status = 2 ] && says log "'S999' is nobody in the data"
