#!/usr/bin/env bash
# Archives as nobody should send them: each thing is counted with its reason, or refused with a sentence, and nothing half-written is left.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3
$python -c 'import cv2, h5py' 2>/dev/null || { echo "SKIP faces_bad: python3-opencv or python3-h5py is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
$python -W ignore tests/golden/faces_bad.py "$scratch"
cd "$scratch"
faces() { local out=$1 input=$2; shift 2; rm -rf "$out"; "$train" faces --out "$out" --set faces.input="$input" --set faces.frame_width=64 --set faces.frame_height=64 "$@" 2>log; }
says() { grep -qP -- "$2" "$1" || { echo "no '$2' in $1:"; cat "$1"; exit 1; }; }
refused() { # status, sentence, then as faces
  local want=$1 sentence=$2 status=0; shift 2
  faces none "$@" || status=$?
  [ "$status" = "$want" ] || { echo "status $status, expected $want:"; cat log; exit 1; }
  says log "$sentence"
  [ ! -e none/faces.h5 ] || { echo "a faces.h5 was left"; exit 1; }
}

faces odd odd.zip --set faces.max_skipped=0.6 || { cat log; exit 1; }
table=odd/skipped.tsv member='^odd\.zip/19000077\.zip/S001/L1'
says $table "$member/E01/C1\.jpg\ta picture of 60000 × 60000 pixels is not allowed"
says $table "$member/E01/C5\.jpg\tis neither JPEG nor PNG, but a GIF"
says $table "$member/E01/C7\.jpg\ta second member of this name"
says $table "$member/E01/C9\.jpg\ta link"
says $table "$member/E02/C1\.jpg\ttruncated JPEG"
says $table "$member/E01/C7\.txt\t"
says $table "$member/E02/C7\.txt\tmore than seven boxes"
says $table "$member/E03/C7\.jpg\tthe box lies outside the picture"
says $table "19000077\.zip/\.\./\.\./S001/L1/E01/C7\.jpg\tname with '\.\.'"
says $table "19000077\.zip//S001/L1/E01/C7\.jpg\tabsolute name"
says $table "19000078\.zip\tnot an archive"
says $table "19000079\.zip.*\t"
$python - <<'END'
import h5py
h5 = h5py.File("odd/faces.h5")
offsets, names = h5["member/offsets"][:], bytes(h5["member/bytes"][:])
members = [names[a:b].decode() for a, b in zip(offsets, offsets[1:])]
size = {m.split("19000077.zip/")[1]: (int(h5["width"][i]), int(h5["height"][i])) for i, m in enumerate(members) if "19000077" in m}
for kind in ("C2.png", "C3.jpg", "C4.jpg", "C6.jpg"):  # 16 bit, grey, turned by EXIF (not applied), a PNG named .jpg
    assert size["S001/L1/E01/" + kind] == (60, 40), (kind, size)
END
refused 4 'more than faces.max_skipped' odd.zip
faces ratio ratio.zip --set faces.max_skipped=0.2
says ratio/skipped.tsv 'unpacks to [0-9]+ times its size \(at most 200 are allowed\)'
refused 4 "total.zip: its members unpack to more than 200 times its size.*faces.max_ratio" total.zip
refused 4 "inner.zip: its members unpack to more than 200 times its size" inner.zip
refused 4 "more than the 1e-05 GB allowed \(faces.max_ratio, faces.max_unpacked_gb\)" odd.zip --set faces.max_unpacked_gb=0.00001
faces korean cp949.zip --set faces.layout=folders --set faces.classes=
says korean/metrics.json '행복'
faces tar links.tar.gz --set faces.max_skipped=0.2
says tar/skipped.tsv '19000090/S001/L1/E01/C7.jpg\ta link'
refused 2 "faces.memory_mb = 256" odd.zip --set faces.memory_mb=256

# An archive that grows while it is read: half of it is there when the names are read.
$python "$OLDPWD/tests/golden/faces_many.py" many.zip 60 60
cp many.zip grows.zip
( for _ in $(seq 200); do printf 'more' >>grows.zip; sleep 0.01; done ) & writer=$!
status=0; faces none grows.zip || status=$?
kill $writer 2>/dev/null || true; wait $writer 2>/dev/null || true
[ $status = 4 ] && says log 'grows.zip: (changed while it was read|.*cut off|.*not an archive)' || { echo "growing: $status"; cat log; exit 1; }
