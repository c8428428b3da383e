#!/usr/bin/env bash
# The gradients of VGG16 at its real widths, of block5 and of everything, are PyTorch's.
set -eu
cd "$(dirname "$0")/../.."
/usr/bin/python3 -c 'import torch' 2>/dev/null || { echo "SKIP tune_torch: python3-torch is not installed"; exit 77; }
build=$(dirname "$MOODCAST_BIN"); [ -d "$build/lib" ] || build=$build/release
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
sanitize=; case $build in */asan) sanitize="-fsanitize=address,undefined" ;; esac
libs=(); for lib in nn io config num base; do libs+=("$build/lib/lib$lib.a"); done
packages="openblas hdf5 libarchive libturbojpeg libpng jansson inih libxxhash libcrypto cairo pangocairo zlib"
# shellcheck disable=SC2046,SC2086
gcc -std=c11 -D_GNU_SOURCE -O2 -fopenmp $sanitize -Isrc tests/golden/tune_dump.c "${libs[@]}" $(pkg-config --libs $packages) -lcsv -lm -o "$scratch/dump"
for run in "block4_pool 150 4" "input 64 3"; do
  read -r first size batch <<<"$run"
  # shellcheck disable=SC2046
  /usr/bin/python3 tests/golden/tune_gradient.py "$first" "$batch" "$scratch" $("$scratch/dump" "$first" "$size" "$batch" "$scratch")
done
