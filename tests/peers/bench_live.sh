#!/usr/bin/env bash
# bench_live.sh BINDIR: `moodcast serve` beside the same chain in Python (python3-opencv, python3-torch). ROUNDS (7) turns of ten pictures;
# FRAMES (0) more pictures at the end, for the memory.
set -eu
bin=$(realpath "$1")
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
/usr/bin/python3 -c 'import cv2, torch' 2>/dev/null || { echo "SKIP bench_live: python3-opencv or python3-torch is not installed"; exit 77; }
[ -e /usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml ] || { echo "SKIP bench_live: opencv-data is not installed"; exit 77; }
for maker in "$bin"/../tests/test_bundle "$bin"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP bench_live: the unit tests are not built (make unit)"; exit 77; }
bundle=$(mktemp -d) && trap 'rm -rf "$bundle"' EXIT
"$maker" --write "$bundle" >/dev/null 2>&1
uptime
/usr/bin/python3 tests/peers/bench_live.py "$bin/moodcast" "$bundle" "${ROUNDS:-7}"
