#!/usr/bin/env bash
# `make run`, killed without warning at seeded moments, ends in the end with the bytes of a run that nobody disturbed.
# KILLS (10) and SEED (1) may be given.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
job
sums >"$scratch/undisturbed"
rm -rf "$scratch/out"
RANDOM=${SEED:-1} killed=0
for kill in $(seq "${KILLS:-10}"); do
  # What is killed is the whole process group: make, the stage and its children.
  setsid make --no-print-directory -s run MODE=$mode EXP=sample OUT="$scratch/out" SET="$small" >"$scratch/log" 2>&1 &
  group=$!
  # Nothing, or a line, has been said, and then up to a second: whatever else the machine does, each stage has its turn.
  lines=$((RANDOM % 2))
  until [ "$(wc -l <"$scratch/log")" -ge $lines ] || ! kill -0 "$group" 2>/dev/null; do sleep 0.02; done
  sleep "$(awk -v n="$RANDOM" -v l=$lines 'BEGIN { print n / 32768 * (l ? 0.5 : 1) }')"
  kill -KILL -- "-$group" 2>/dev/null && killed=$((killed + 1))
  wait "$group" 2>/dev/null || true
  ! [ -e "$scratch/out/sample/run.json" ] || break
done
[ "$killed" -ge 4 ] || { echo "only $killed kills before the run had ended"; exit 1; }
job
sums | diff "$scratch/undisturbed" - >"$scratch/differences" || { cat "$scratch/differences"; echo "after $killed kills other bytes"; exit 1; }
[ -z "$(find "$scratch/out" -name '*.part')" ] || { echo "part files were left"; exit 1; }
