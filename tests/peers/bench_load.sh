#!/usr/bin/env bash
# bench_load.sh BINDIR: `moodcast serve` with a whole VGG16 under RATE (1000) requests a second for LOAD_SECONDS (60), far more pictures than it can look at.
set -eu
bin=$(realpath "$1")
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
/usr/bin/python3 -c 'import cv2' 2>/dev/null || { echo "SKIP bench_load: python3-opencv is not installed"; exit 77; }
for maker in "$bin"/../tests/test_bundle "$bin"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP bench_load: the unit tests are not built (make unit)"; exit 77; }
make -s --no-print-directory build/release/peers/load_http
scratch=$(mktemp -d) && trap '[ -z "${server:-}" ] || kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
"$maker" --write "$scratch" >/dev/null 2>&1
/usr/bin/python3 tests/peers/vgg16_bundle.py "$scratch"
"$bin"/moodcast serve --bundle "$scratch" --listen 127.0.0.1:0 --threads 2 2>"$scratch/log" & server=$!
for _ in $(seq 200); do port=$(grep -oE 'http://127.0.0.1:[0-9]+' "$scratch/log") && break; sleep 0.05; done
memory() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status"; }
build/release/peers/load_http "${port##*:}" 50 2 "$scratch/face.jpg" >/dev/null
before=$(memory)
build/release/peers/load_http "${port##*:}" "${RATE:-1000}" "${LOAD_SECONDS:-60}" "$scratch/face.jpg"
echo "  memory $((before / 1024)) MB before, $(($(memory) / 1024)) MB after"
kill -TERM "$server"; wait "$server"; code=$?; server=
[ $code -eq 0 ]
