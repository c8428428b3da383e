#!/usr/bin/env bash
# The stage faces against the floor (libarchive + TurboJPEG, nothing else) and against zipfile + cv2 + h5py, 346×230 JPEG, crop, resize and HDF5
# included. Files lie in memory (/dev/shm where there is one), so that no disk is measured. One thread = everything pinned to one core.
# FACES_ROUNDS (5), FACES_FRAME (128), FACES_LINEAR=0 leaves out the growth from 4,000 to 40,000.
set -eu
bin=$1; cd "$(dirname "$0")/../.."
rounds=${FACES_ROUNDS:-5} side=${FACES_FRAME:-128} python=/usr/bin/python3
$python -c 'import cv2, h5py' 2>/dev/null || { echo "SKIP faces: python3-opencv or python3-h5py is not installed"; exit 0; }
[ -d /dev/shm ] && scratch=$(mktemp -d -p /dev/shm) || scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
${CC:-gcc} -std=c11 -D_GNU_SOURCE -O3 -march=x86-64-v2 tests/peers/bench_faces_floor.c -o "$scratch/floor" -larchive -lturbojpeg -lpthread
$python tests/golden/faces_many.py "$scratch/faces.zip" 40 100
$python tests/golden/faces_many.py "$scratch/few.zip" 10 100 # for the slower peer
pin() { if [ "$1" = 1 ]; then shift; taskset -c 0 "$@"; else shift; "$@"; fi; }
# A virtual machine may have given free memory back to its host; getting it again costs more than writing to it, and is not the stage's.
warm() { head -c "$1" /dev/zero >"$scratch/warm"; rm "$scratch/warm"; }
stage() { # threads compress archive name
  rm -rf "$scratch/out"
  warm "$(($(stat -c %s "$3") * 9 / 4))"
  pin "$1" "$bin/moodcast-train" faces --out "$scratch/out" --set faces.input="$3" --set run.threads="$1" \
    --set faces.frame_width="$side" --set faces.frame_height="$side" --set faces.compress="$2" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
  $python -c 'import json,sys; d=json.load(open(sys.argv[1]+"/done")); m=json.load(open(sys.argv[1]+"/metrics.json")); print(m["faces"], d["seconds"], d["peak_memory_bytes"])' "$scratch/out" >>"$scratch/$4"
}
for round in $(seq "$rounds"); do
  for threads in 1 2; do
    pin $threads "$scratch/floor" "$scratch/faces.zip" $threads >>"$scratch/floor.$threads"
    stage $threads 0 "$scratch/faces.zip" plain.$threads
    stage $threads 1 "$scratch/faces.zip" packed.$threads
  done
  $python tests/peers/bench_faces.py "$scratch/few.zip" "$scratch/peer.h5" "$side" 0 >>"$scratch/python.plain"
  $python tests/peers/bench_faces.py "$scratch/few.zip" "$scratch/peer.h5" "$side" 1 >>"$scratch/python.packed"
done
if [ "${FACES_LINEAR:-1}" = 1 ]; then
  $python tests/golden/faces_many.py "$scratch/ten.zip" 400 100
  side=64 # 0.5 GB instead of 2: what the stage costs, not what a virtual machine's memory does
  for round in 1 2 3; do stage 2 0 "$scratch/faces.zip" small; stage 2 0 "$scratch/ten.zip" large; done
fi
$python - "$scratch" "$side" <<'END'
import os, statistics as s, sys
folder, side = sys.argv[1], sys.argv[2]
def rates(name):
    return [float(l.split()[0]) / float(l.split()[1]) for l in open(f"{folder}/{name}")]
def line(name, file, base):
    r, b = rates(file), rates(base)
    ratio = [x / y for x, y in zip(r, b)]
    print(f"{name:44s} {s.median(r):8.0f} pictures/s  {s.median(ratio):5.2f} × {base} ({min(ratio):.2f} … {max(ratio):.2f})")
print(f"4,000 JPEG of 346×230, frames {side}×{side}, {len(rates('floor.1'))} rounds, medians (spread of the ratios)")
for t in (1, 2):
    print(f"{'floor, ' + str(t) + ' threads':44s} {s.median(rates(f'floor.{t}')):8.0f} pictures/s")
    line(f"faces, plain, {t} threads", f"plain.{t}", f"floor.{t}")
    line(f"faces, deflate 1, {t} threads", f"packed.{t}", f"floor.{t}")
print(f"{'zipfile + cv2 + h5py, plain':44s} {s.median(rates('python.plain')):8.0f} pictures/s")
print(f"{'zipfile + cv2 + h5py, gzip 1':44s} {s.median(rates('python.packed')):8.0f} pictures/s")
for t in (1, 2):
    line(f"faces, plain, {t} threads", f"plain.{t}", "python.plain")
    line(f"faces, deflate 1, {t} threads", f"packed.{t}", "python.packed")
if os.path.exists(folder + "/large"):
    small, large = ([[float(v) for v in l.split()] for l in open(f"{folder}/{n}")] for n in ("small", "large"))
    a, b = s.median(r[1] for r in small), s.median(r[1] for r in large)
    print(f"4,000 → 40,000 pictures: {a:.2f} s → {b:.2f} s = {b / a:.2f} ×; peak memory {s.median(r[2] for r in small) / 1e6:.0f} → {s.median(r[2] for r in large) / 1e6:.0f} MB")
END
