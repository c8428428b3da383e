#!/usr/bin/env bash
# Every benchmark against its peers: run.sh BINDIR [NAME…]. Ratios of one run side by side; nothing here can fail a build.
set -u
bin=$(realpath "$1"); shift
cd "$(dirname "$0")/../.." || exit 3
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
for bench in tests/peers/bench_*.sh; do
  name=$(basename "$bench" .sh)
  [ $# -eq 0 ] || [[ " $* " = *" ${name#bench_} "* ]] || continue
  echo "== ${name#bench_}"
  bash "$bench" "$bin" || echo "$name: exit $?"
done
