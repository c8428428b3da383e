#!/usr/bin/env bash
# What `make sweep` over six combinations of two late settings costs, beside the stages that it has to run by their own clocks.
# bench_sweep.sh BINDIR; ROUNDS (3), GRID, WORK=folder that keeps the run that the sweeps start from.
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
bin=$(realpath "$1")
work=${WORK:-$(mktemp -d)}; [ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
grid=${GRID:-als.factors=96,128 tags.size=50,80,120}
sample() { make --no-print-directory -s "$1" EXP=sample OUT="$work/$2" BIN="$bin" "${@:3}" >"$work/log" 2>&1 </dev/null || { cat "$work/log"; exit 1; }; }
sample run start
: >"$work/times"
for round in $(seq "${ROUNDS:-3}"); do
  rm -rf "$work/round" && cp -a "$work/start" "$work/round"
  began=$EPOCHREALTIME
  sample sweep round GRID="$grid"
  ended=$EPOCHREALTIME
  for folder in "$work"/round/store/*/; do
    [ -e "$work/start/store/$(basename "$folder")" ] || sed -n 's/.*"seconds": *\([0-9.]*\).*/\1/p' "$folder/done" | head -n 1
  done | awk -v began="$began" -v ended="$ended" '{ sum += $1 } END { print NR, sum, ended - began, (ended - began) / sum }' >>"$work/times"
done
sort -k4,4g "$work/times" | awk -v grid="$grid" '{ stages = $1; row[NR] = $0; ratio[NR] = $4 } END { split(row[int((NR + 1) / 2)], m, " ")
  printf "sweep of %s: %d runs of stages %.1f s by their own clocks, the sweep %.1f s: ratio %.2f (%.2f-%.2f), %d rounds\n", grid, m[1], m[2], m[3], m[4], ratio[1], ratio[NR], NR }'
