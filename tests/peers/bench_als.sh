#!/usr/bin/env bash
# ALS over a matrix of Melon's size that `sample` draws, 128 factors, against NumPy and SciPy with the same BLAS core and threads, by turns.
# bench_als.sh BINDIR; ROUNDS (5), PLAYLISTS (193000 give some 5.3 million pairs), SAMPLE (300 rows of each group of lengths).
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
train=$(realpath "$1")/moodcast-train python=/usr/bin/python3 threads=${THREADS:-2}
$python -c 'import scipy, h5py' 2>/dev/null || { echo "SKIP bench_als: python3-scipy or python3-h5py is not installed"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
stage() { "$train" "$@" 2>"$work/log" || { cat "$work/log"; exit 1; }; }
stage sample --out "$work/sample" --set sample.playlists="${PLAYLISTS:-193000}" --set sample.songs=615000 --set sample.people=6 --set sample.pictures=3 \
  --set sample.backgrounds=4
stage playlists --out "$work/playlists" --set playlists.input="$work/sample/playlists.json" --set playlists.holdout=0
core=$("$train" version | sed -n 's/.*core \([A-Za-z]*\).*/\1/p')
for round in $(seq "${ROUNDS:-5}"); do
  rm -rf "$work/als"
  stage als --in playlists="$work/playlists" --out "$work/als" --set als.factors=128 --set als.iterations=3 --set run.threads=$threads
  grep -E 'iteration' "$work/log" | awk '{ print $(NF - 1) }' | sort -n | sed -n 2p >>"$work/own"
  OPENBLAS_CORETYPE=${core:-Haswell} OPENBLAS_NUM_THREADS=$threads $python tests/peers/bench_als.py "$work/playlists" 128 "${SAMPLE:-300}" >>"$work/numpy"
done
$python - "$work" "$threads" <<'END_PYTHON'
import json, statistics as s, sys
work, threads = sys.argv[1:]
own = [float(line) for line in open(work + "/own")]
numpy = [float(line.split()[0]) for line in open(work + "/numpy")]
pairs = open(work + "/numpy").readline().split()[1]
ratio = [n / o for n, o in zip(numpy, own)]
peak = json.load(open(work + "/als/done"))["peak_memory_bytes"] / 1e6
print(f"als, {pairs} pairs, 128 factors, {threads} threads: {s.median(own):.2f} s an iteration, NumPy {s.median(numpy):.1f} s, "
      f"ratio {s.median(ratio):.1f} ({min(ratio):.1f}-{max(ratio):.1f}), {len(own)} rounds; peak {peak:.0f} MB")
END_PYTHON
