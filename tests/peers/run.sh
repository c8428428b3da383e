#!/usr/bin/env bash
# usage: run.sh BINDIR   runs every bench_*.sh: the product and its peer side by side, figures only, nothing is asserted about time.
set -eu
bin=$(realpath "$1")
cd "$(dirname "$0")/../.."
export MOODCAST_BIN=$bin
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
if [ -z "${MOODCAST_DATA:-}" ] && [ -d ../shared/data ]; then MOODCAST_DATA=$(realpath ../shared/data); export MOODCAST_DATA; fi
for bench in tests/peers/bench_*.sh; do
  echo "== $(basename "$bench" .sh)"
  bash "$bench" || [ $? -eq 77 ]
done
