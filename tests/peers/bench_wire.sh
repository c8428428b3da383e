#!/usr/bin/env bash
# What passes between two hosts (network namespaces of this machine) in a stage, beside what scale_model.py says of it, and how much longer it takes
# over a slower wire. bench_wire.sh BINDIR; ONLY (stages), RATES (of layers and als, Mbit/s), WORK (a folder that keeps the input, that of bench_scale.sh).
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
python=/usr/bin/python3
command -v mpirun.mpich tc >/dev/null || { echo "SKIP bench_wire: mpirun.mpich or tc is not installed"; exit 77; }
$python -c 'import numpy, h5py' 2>/dev/null || { echo "SKIP bench_wire: python3-numpy or python3-h5py is not installed"; exit 77; }
. tests/support/mpi.sh
build_mpi mpich
scratch=$(mktemp -d) work=${WORK:-}
. tests/support/hosts.sh
trap 'hosts_down; rm -rf "$scratch"' EXIT
hosts_up 2 || { echo "SKIP bench_wire: network namespaces are not permitted here"; exit 77; }
many=build/mpi.mpich/bin/moodcast-train
# hosts_up has told MPICH to use the network; two ranks of this machine use memory.
$python tests/peers/bench_wire.py "$(realpath "$1")/moodcast-train" "$hosts_mpirun -n 2 $many" "env -u UCX_TLS -u UCX_NET_DEVICES mpirun.mpich -n 2 $many" \
  "$hosts_tag" "${work:-$scratch}" "0 ${RATES:-400 200 100}" ${ONLY:-features cascade head layers als}
