#!/usr/bin/env bash
# The network's features are PyTorch's, for weights that h5py wrote and, where they are, for the real pretrained blocks.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3 judge=tests/golden/vgg16_torch.py
$python -c 'import torch, h5py' 2>/dev/null || { echo "SKIP network_torch: python3-torch or python3-h5py is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT

"$python" $judge weights "$scratch/weights.h5"
"$python" $judge input "$scratch/in150.npy" 150 2
"$python" $judge input "$scratch/in77.npy" 77 3
compare() { # weights, cut, input, threads
  "$train" network --forward "$3" --weights "$1" --cut "$2" --threads "$4" --out "$scratch/out.npy"
  "$python" $judge check "$1" "$2" "$3" "$scratch/out.npy" 1e-5
}
compare "$scratch/weights.h5" block5_pool "$scratch/in150.npy" 2
compare "$scratch/weights.h5" block4_pool "$scratch/in77.npy" 1
for level in baseline avx2 avx512; do MOODCAST_CPU=$level compare "$scratch/weights.h5" block5_pool "$scratch/in77.npy" 2; done
"$train" network --forward "$scratch/in77.npy" --weights "$scratch/weights.h5" --cut block3_pool --reference --out "$scratch/out.npy"
"$python" $judge check "$scratch/weights.h5" block3_pool "$scratch/in77.npy" "$scratch/out.npy" 1e-5
real=${MOODCAST_DATA:-/nowhere}/keras/vgg16_real_blocks1-3.h5
if [ -e "$real" ]; then compare "$real" block3_pool "$scratch/in150.npy" 2; fi

# The summary counts what Keras counts; refusals have the right exit codes.
"$train" network --summary --weights "$scratch/weights.h5" | grep -q 'total: 14,714,688 parameters'
refused() { # exit code, words, arguments …
  local want=$1 words=$2 code=0; shift 2
  "$train" network "$@" >"$scratch/said" 2>&1 || code=$?
  [ $code -eq "$want" ] && grep -q -- "$words" "$scratch/said" || { echo "network $*: exit $code"; cat "$scratch/said"; exit 1; }
}
refused 2 'either --summary or --forward'
refused 2 'block9_pool is not' --summary --cut block9_pool
refused 2 '31 pixels are too small' --summary --size 31
refused 3 'nothing.h5' --summary --weights "$scratch/nothing.h5"
head -c 1000000 "$scratch/weights.h5" >"$scratch/cut.h5"
refused 4 'cut.h5' --summary --weights "$scratch/cut.h5"
refused 4 'in150.npy' --forward "$scratch/in150.npy" --out "$scratch/no/out.npy" --weights "$scratch/in150.npy"
"$python" -c "import numpy as np, sys; np.save(sys.argv[1], np.full((1, 40, 40, 3), np.nan, 'f4'))" "$scratch/nan.npy"
refused 4 'nan.npy: value 0 is nan' --forward "$scratch/nan.npy" --out "$scratch/out2.npy" --weights "$scratch/weights.h5"
[ ! -e "$scratch/out2.npy" ]
