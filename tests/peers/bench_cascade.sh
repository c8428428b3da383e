#!/usr/bin/env bash
# Detection beside OpenCV 4.6, same pictures, one and two threads; says whether the rectangles are the same.
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
/usr/bin/python3 -c 'import cv2, numpy' 2>/dev/null || { echo "SKIP bench_cascade: python3-opencv is not installed"; exit 77; }
[ -d "${MOODCAST_DATA:-}/cascade" ] || { echo "SKIP bench_cascade: MOODCAST_DATA has no cascade folder"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
make --no-print-directory -s build/release/peers/time_detector
/usr/bin/python3 tests/peers/bench_cascade.py build/release/peers/time_detector "$scratch"
