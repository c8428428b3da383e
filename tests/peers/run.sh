#!/usr/bin/env bash
# run.sh BINDIR: every benchmark against other programs, tests/peers/bench_*.sh; one that lacks its peer is skipped by name.
set -u
bin=$(realpath "$1") code=0
for bench in "$(dirname "$0")"/bench_*.sh; do
  echo "== $(basename "$bench" .sh)"
  bash "$bench" "$bin"; result=$?
  [ $result -eq 0 ] || [ $result -eq 77 ] || { echo "FAIL $(basename "$bench") (exit $result)"; code=1; }
done
exit $code
