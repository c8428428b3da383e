#!/usr/bin/env bash
# The files of io in the programs of the field: NumPy, h5py and a parser of safetensors judge what is written, and what they write is read.
set -eu
cd "$(dirname "$0")/../.."
python=/usr/bin/python3 judge=tests/golden/exchange.py
$python -c 'import numpy, h5py' 2>/dev/null || { echo "SKIP open_npy_npz_h5: python3-numpy or python3-h5py is not installed"; exit 77; }
test=
for folder in "${MOODCAST_UNITS:-}" "$MOODCAST_BIN/../release/tests" "$MOODCAST_BIN/../tests"; do
  [ -z "$test" ] && [ -x "$folder/test_io_exchange" ] && test=$folder/test_io_exchange
done
[ -n "$test" ] || { echo "SKIP open_npy_npz_h5: test_io_exchange is not built"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
$python $judge write "$folder"
MOODCAST_EXCHANGE=$folder "$test" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
if grep -q SKIPPED "$folder/log"; then cat "$folder/log"; exit 1; fi
$python $judge check "$folder"
