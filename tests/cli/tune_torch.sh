#!/usr/bin/env bash
# The gradients of VGG16 at its real widths, of block5 and of everything, are PyTorch's.
set -eu
cd "$(dirname "$0")/../.."
/usr/bin/python3 -c 'import torch' 2>/dev/null || { echo "SKIP tune_torch: python3-torch is not installed"; exit 77; }
mode=$(basename "$(dirname "$MOODCAST_BIN")"); case $mode in asan|tsan|debug|coverage) ;; *) mode=release ;; esac
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
make --no-print-directory -s MODE=$mode build/$mode/peers/tune_dump
for run in "block4_pool 150 4" "input 64 3"; do
  read -r first size batch <<<"$run"
  # shellcheck disable=SC2046
  /usr/bin/python3 tests/golden/tune_gradient.py "$first" "$batch" "$scratch" $(build/$mode/peers/tune_dump "$first" "$size" "$batch" "$scratch")
done
