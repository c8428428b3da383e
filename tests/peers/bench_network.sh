#!/usr/bin/env bash
# bench_network.sh BINDIR: VGG16 by moodcast, oneDNN and PyTorch in one process each, in turns; batches 1 and 32, threads 1 and 2.
# BATCHES, THREADS and ROUNDS in the environment choose others. Peers: libdnnl-dev, python3-torch, and, where it is installed,
# onnxruntime-node (npm install --ignore-scripts --prefix tests/peers onnxruntime-node; the model is written by PyTorch).
set -eu
bin=$(realpath "$1")
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
[ -e /usr/include/dnnl.h ] || [ -e /usr/include/oneapi/dnnl/dnnl.h ] || { echo "SKIP bench_network: libdnnl-dev is not installed"; exit 77; }
/usr/bin/python3 -c 'import torch' 2>/dev/null || { echo "SKIP bench_network: python3-torch is not installed"; exit 77; }
build=$(dirname "$bin"); [ -d "$build/lib" ] || build=$build/release
libs=(); for lib in nn io config num base; do libs+=("$build/lib/lib$lib.a"); done
packages="openblas hdf5 libarchive libturbojpeg libpng jansson inih libxxhash libcrypto cairo pangocairo zlib"
program=$(mktemp) && trap 'rm -f "$program"' EXIT
# shellcheck disable=SC2046
gcc -std=c11 -D_GNU_SOURCE -O2 -g -fopenmp -Wall -Wextra -Wno-stringop-overread -Isrc -Itests/peers tests/peers/bench_network.c tests/peers/bench_network_onednn.c \
  "${libs[@]}" $(pkg-config --libs $packages) -lcsv -ldnnl -lm -o "$program"
onnx=()
for modules in "${MOODCAST_ONNX:-}" tests/peers/node_modules; do
  [ -d "$modules/onnxruntime-node" ] && { ONNX=$(realpath "$modules/onnxruntime-node"); export ONNX; onnx=(node tests/peers/bench_network_onnx.mjs); break; }
done
[ ${#onnx[@]} -gt 0 ] || echo "without onnxruntime-node: it is not installed"
uptime
for batch in ${BATCHES:-1 32}; do
  for threads in ${THREADS:-1 2}; do
    "$program" "$batch" "$threads" "${ROUNDS:-7}" /usr/bin/python3 tests/peers/bench_network_torch.py "${onnx[@]}"
  done
done
