#!/usr/bin/env bash
# What a stage costs by its input and its ranks, fitted, and what that says of K-FACE at full size on many nodes (pipeline/SCALE.md).
# bench_scale.sh BINDIR; ROUNDS (3; 0 = those measured before, in WORK/points.tsv), ONLY (stages), WORK (a folder that keeps input and points),
# MODEL (options of scale_model.py: what is assumed of the nodes). Some twenty minutes, half of them for the input.
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
python=/usr/bin/python3
command -v mpirun.mpich >/dev/null || { echo "SKIP bench_scale: mpirun.mpich is not installed"; exit 77; }
$python -c 'import numpy' 2>/dev/null || { echo "SKIP bench_scale: python3-numpy is not installed"; exit 77; }
. tests/support/mpi.sh
build_mpi mpich
work=${WORK:-$(mktemp -d)}; [ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
$python tests/peers/bench_scale.py "$(realpath "$1")/moodcast-train" mpirun.mpich build/mpi.mpich/bin/moodcast-train "$work" "${ROUNDS:-3}" \
  ${ONLY:-faces features head layers cascade}
# shellcheck disable=SC2086
$python tests/peers/scale_model.py ${MODEL:-} "$work/points.tsv"
