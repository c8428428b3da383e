#!/usr/bin/env bash
# Every benchmark beside its peers: run.sh BINDIR [NAME…]. One that lacks its peer is skipped by name (exit 77).
set -u
bin=$(realpath "$1") code=0; shift
cd "$(dirname "$0")/../.." || exit 3
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
for bench in tests/peers/bench_*.sh; do
  name=$(basename "$bench" .sh)
  [ $# -eq 0 ] || [[ " $* " = *" ${name#bench_} "* ]] || continue
  echo "== ${name#bench_}"
  bash "$bench" "$bin"; result=$?
  [ $result -eq 0 ] || [ $result -eq 77 ] || { echo "FAIL $name (exit $result)"; code=1; }
done
exit $code
