#!/usr/bin/env bash
# The stage faces on several ranks: what reads faces.h5 sees the same values, the shards are the same bytes whatever the number of ranks and
# however often the work was broken off, and what breaks on one rank is told and gone on from.
set -eu
cd "$(dirname "$0")/../.."
. tests/support/mpi.sh
python=/usr/bin/python3 one=$(realpath "$MOODCAST_BIN")/moodcast-train
$python -c 'import cv2, h5py' 2>/dev/null || { echo "SKIP mpi_faces: python3-opencv or python3-h5py is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
bad() { echo "$*"; exit 1; }
quietly() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; bad "failed: $*"; }; }
small="--set faces.frame_width=120 --set faces.frame_height=90 --set run.threads=1"
for mpi in $mpis; do build_mpi $mpi; done
first=${mpis#* } first=${first%% *}
root=$PWD
train() { echo "$root/build/mpi.$1$mpi_mode/bin/moodcast-train"; }
# shared MPI RANKS OUT OPTIONS…
shared() { local mpi=$1 n=$2 out=$3; shift 3; ranks $mpi $n "$(train $mpi)" faces --out "$scratch/$out" $small "$@"; }
same() { # A B: two folders of the stage with shards, byte by byte
  diff <(cd "$scratch/$1" && sha256sum faces*.h5 skipped.tsv metrics.json) <(cd "$scratch/$2" && sha256sum faces*.h5 skipped.tsv metrics.json) ||
    bad "$2 is not $1"
  [ -z "$(find "$scratch/$2" -name '*.part')" ] || bad "$2: a part was left"
}

# ---- inputs: nested zips with pictures, and a person, that cannot be read; a tar of class folders; loose files; a CSV of pixels ----
$python tests/golden/faces_many.py "$scratch/faces.zip" 40 20 160 120
$python - "$scratch" <<'END_PYTHON'
import io, os, sys, tarfile, zipfile
import numpy as np
folder = sys.argv[1]
jpeg = zipfile.ZipFile(io.BytesIO(zipfile.ZipFile(folder + "/faces.zip").read("19000000.zip"))).read("S001/L1/E01/C1.jpg")
with zipfile.ZipFile(folder + "/faces.zip", "a") as z:
    with z.open("19000070.zip", "w") as f, zipfile.ZipFile(f, "w") as inner:
        for e in range(90):
            inner.writestr(f"S001/L{e // 3 + 1}/E0{e % 3 + 1}/C7.jpg", b"\xff\xd8\xff\xe0 not whole")
    z.writestr("19000071.zip", b"no archive")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as inner:
        for e in range(40):
            inner.writestr(f"S001/L{e // 3 + 1}/E0{e % 3 + 1}/C7.jpg", jpeg)
    damaged = bytearray(buffer.getvalue())
    damaged[20 * len(jpeg):20 * len(jpeg) + 400] = bytes(400)
    z.writestr("19000072.zip", bytes(damaged), zipfile.ZIP_DEFLATED)
with tarfile.open(folder + "/folders.tar.gz", "w:gz") as t:
    for i in range(150):
        info = tarfile.TarInfo(f"{'abc'[i % 3]}/s{i // 4:03}_{i}.jpg")
        info.size = len(jpeg)
        t.addfile(info, io.BytesIO(jpeg[:300] if i % 29 == 5 else jpeg) if i % 29 != 5 else io.BytesIO(jpeg[:300] + bytes(len(jpeg) - 300)))
os.makedirs(folder + "/loose/a"), os.makedirs(folder + "/loose/b")
for i in range(130):
    open(f"{folder}/loose/{'ab'[i % 2]}/{i:03}.jpg", "wb").write(jpeg)
rng = np.random.default_rng(3)
with open(folder + "/fer.csv", "w") as c:
    c.write("emotion,pixels,Usage\n")
    for i in range(200):
        pixels = rng.integers(0, 256, 64 if i != 77 else 65)
        c.write(f"{i % 3},{' '.join(map(str, pixels))},{('Training', 'PublicTest', 'PrivateTest')[i % 5 % 3]}\n")
END_PYTHON
kface="--set faces.input=$scratch/faces.zip --set faces.max_skipped=0.5"
mixed="--set faces.input=$scratch/folders.tar.gz,$scratch/loose --set faces.classes= --set faces.person_pattern=(s[0-9]+)_"
pixels="--set faces.input=$scratch/fer.csv --set faces.classes="

# ---- every number of ranks, every MPI, every kind of input ----
quietly "$one" faces --out "$scratch/one" $small $kface
for mpi in $mpis; do
  for n in 1 2 3 4; do
    quietly shared $mpi $n $mpi$n $kface
    $python tests/golden/faces_same.py "$scratch/one/faces.h5" "$scratch/$mpi$n/faces.h5" || bad "$mpi, $n ranks: other values"
    cmp "$scratch/one/skipped.tsv" "$scratch/$mpi$n/skipped.tsv" && cmp "$scratch/one/metrics.json" "$scratch/$mpi$n/metrics.json"
    if [ $n = 1 ]; then cmp "$scratch/one/faces.h5" "$scratch/${mpi}1/faces.h5"; else same ${first}2 $mpi$n; fi
  done
done
[ "$(wc -l <"$scratch/one/skipped.tsv")" -gt 90 ] && grep -q 19000071 "$scratch/one/skipped.tsv" || bad "nothing was skipped"
[ "$(find "$scratch/${first}4" -name 'faces.*.h5' | wc -l)" -ge 20 ] || bad "too few shards"
for kind in mixed pixels; do
  quietly "$one" faces --out "$scratch/$kind" $small ${!kind}
  quietly shared $first 3 ${kind}3 ${!kind}
  $python tests/golden/faces_same.py "$scratch/$kind/faces.h5" "$scratch/${kind}3/faces.h5" || bad "$kind: other values"
  cmp "$scratch/$kind/skipped.tsv" "$scratch/${kind}3/skipped.tsv" && cmp "$scratch/$kind/metrics.json" "$scratch/${kind}3/metrics.json"
done
# `done` holds the hash of each shard.
$python - "$scratch/${first}4" <<'END_PYTHON'
import hashlib, json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
done = json.load(open(folder / "done"))["outputs"]
assert {p.name for p in folder.glob("faces*.h5")} == {n for n in done if n.startswith("faces")}
assert all(hashlib.sha256((folder / n).read_bytes()).hexdigest() == done[n]["sha256"] for n in done)
END_PYTHON

# ---- what reads it: the same models, and no word of a shard that is not there ----
quietly "$one" sample --out "$scratch/sample" --set sample.people=14 --set sample.pictures=9 --set sample.backgrounds=12 --set sample.playlists=100 --set sample.songs=100
mv "$scratch/${first}2" "$scratch/moved"
for faces in plain shards; do
  from="--set faces.input=$scratch/sample/faces.zip" to=$scratch/below.$faces
  if [ $faces = plain ]; then quietly "$one" faces --out "$to/faces" $from; else quietly ranks $first 2 "$(train $first)" faces --out "$to/faces" $from; fi
  quietly "$one" cascade --in faces="$to/faces" --out "$to/cascade" --set cascade.backgrounds="$scratch/sample/backgrounds.zip" --set cascade.num_pos=60 \
    --set cascade.num_neg=80 --set cascade.stages=2
  features="features --in faces=$to/faces --in cascade=$to/cascade --out $to/features --set network.cut=block1_pool"
  if [ $faces = plain ]; then quietly "$one" $features; else quietly ranks $first 2 "$(train $first)" $features; fi
  quietly "$one" emotion --in features="$to/features" --out "$to/emotion" --set network.cut=block1_pool --set emotion.average_pool=15 --set emotion.epochs=2
done
for file in cascade/cascade.xml features/features.h5 emotion/emotion.h5; do cmp "$scratch/below.plain/$file" "$scratch/below.shards/$file"; done
rm "$scratch/below.shards/faces/faces.1.h5"
code=0; "$one" features --in faces="$scratch/below.shards/faces" --out "$scratch/none" --set preprocess.crop=centre --set network.cut=block1_pool >"$scratch/log" 2>&1 || code=$?
[ $code -eq 4 ] && grep -q '^error: .*pixels: its part faces.1.h5 is missing' "$scratch/log" || { cat "$scratch/log"; bad "a missing shard: exit $code"; }
mv "$scratch/moved" "$scratch/${first}2"

# ---- what breaks on one rank ----
# fails CODE PART COMMAND…
fails() {
  local code=$1 part=$2 got=0; shift 2
  "$@" >"$scratch/log" 2>&1 || got=$?
  [ $got -eq "$code" ] || { cat "$scratch/log"; bad "exit code $got, not $code"; }
  [ "$(grep -c '^error: ' "$scratch/log")" -eq 1 ] && grep -q "^error: $part" "$scratch/log" || { cat "$scratch/log"; bad "the sentence is not $part"; }
}
cat >"$scratch/rank1.sh" <<'END_SH'
[ -z "${RANK1:-}" ] || [ "${PMI_RANK:-${OMPI_COMM_WORLD_RANK:-0}}" -ne 1 ] || eval "$RANK1"
exec "$@"
END_SH
other() { local n=$1 out=$2; shift 2; ranks $first $n bash "$scratch/rank1.sh" "$(train $first)" faces --out "$scratch/$out" $small "$@"; }
mkdir "$scratch/here" "$scratch/there"
cp "$scratch/faces.zip" "$scratch/here/f.zip"
cd "$scratch/here"
RANK1='cd ../there' fails 3 'rank 1: faces: .*f.zip' other 3 here/none --set faces.input=f.zip --set faces.max_skipped=0.5
head -c 400000 ../fer.csv >../there/f.csv; cp ../fer.csv f.csv
RANK1='cd ../there' fails 4 'rank 1: faces: f.csv: this rank sees other pictures than rank 0' other 3 here/none --set faces.input=f.csv --set faces.classes=
cd - >/dev/null
[ ! -e "$scratch/here/none/done" ] || bad "it is said to be done"
gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$scratch/shim.so" tests/support/preload/failing_writes.c -ldl
# Shards are dealt as the ranks ask, so that the disk of whoever comes to the n-th write first is full.
faulty() { # KIND:N RANKS OUT
  ranks $first $2 env FAIL=$1 FAIL_UNDER="$scratch/$3" LD_PRELOAD="$scratch/shim.so" "$(train $first)" faces --out "$scratch/$3" $small $kface
}
for n in 2 9 30; do
  rm -rf "$scratch/full"
  fails 3 'rank [0-9]: faces: .*faces\.[0-9]*\.h5\..*\(room\|No space\)' faulty write:$n 2 full
  [ ! -e "$scratch/full/done" ] && [ -n "$(find "$scratch/full" -name '*.rows.part')" ] || bad "write $n: nothing to go on from"
  quietly other 3 full $kface
  same ${first}2 full
done

# ---- killed again and again, each time with another number of ranks; in the end one process goes on ----
for step in 30:2 7:4 40:3 3:2; do
  ! faulty kill:${step%:*} ${step#*:} often >"$scratch/log" 2>&1 || { cat "$scratch/log"; bad "it outlived $step"; }
  [ ! -e "$scratch/often/done" ] || bad "killed, and done"
  for i in $(seq 100); do pgrep -f "$scratch/often" >/dev/null || break; sleep 0.1; done
done
quietly "$one" faces --out "$scratch/often" $small $kface
grep -q 'goes on behind [0-9]* of [0-9]* pictures' "$scratch/log" || { cat "$scratch/log"; bad "it did not go on"; }
same ${first}2 often
echo "faces: $mpis; 1 … 4 ranks read alike, shards of the same bytes; killed and with full disks, too"
