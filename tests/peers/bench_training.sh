#!/usr/bin/env bash
# Training a cascade: 1,000 + 1,000, 24×24, gentle, 0.995 / 0.5, 10 stages, 2 threads. opencv_traincascade is no longer part of OpenCV: its seconds are
# those of its own runs on another machine (6 min 01 s BASIC, 10 min 03 s ALL, 9 stages), so beside the ratio stands how plain work goes on one
# core here; the ratio for a machine that does it in other times is the one printed times (theirs / these).
# bench_training.sh BINDIR; ROUNDS (5).
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
train=$(realpath "$1")/moodcast-train data=${MOODCAST_DATA:-/nonexistent}/cascade
[ -d "$data" ] || { echo "SKIP bench_training: MOODCAST_DATA has no cascade folder"; exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
${CC:-gcc} -O2 tests/peers/calibration.c -o "$work/calibration"
for round in $(seq "${ROUNDS:-5}"); do
  "$work/calibration" >>"$work/plain"
  for mode in BASIC ALL; do
    rm -rf "$work/out"
    "$train" cascade --out "$work/out" --set cascade.positives="$data/faces_24x24.zip" --set cascade.backgrounds="$data/backgrounds.zip" \
      --set cascade.num_pos=1000 --set cascade.num_neg=1000 --set cascade.mode=$mode --set cascade.boost=GAB --set cascade.min_hit_rate=0.995 \
      --set cascade.max_false_alarm=0.5 --set cascade.stages=10 --set cascade.copies=0 --set cascade.mirror=no --set run.threads=2 2>"$work/log" || { cat "$work/log"; exit 1; }
    sed -n 's/.*"seconds": \([0-9.]*\).*/\1/p' "$work/out/done" >>"$work/$mode"
    sed -n 's/.*"peak_memory_bytes": \([0-9]*\).*/\1/p' "$work/out/done" >"$work/$mode.peak"
  done
done
middle() { sort -n "$1" | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)], t[1], t[NR] }'; }
for mode in BASIC:361 ALL:603; do
  name=${mode%:*} peer=${mode#*:}
  echo "$(middle "$work/$name") $(cat "$work/$name.peak")" |
    awk -v n=$name -v p=$peer '{ printf "training %s: %.1f s (%.1f-%.1f), peak %.2f GB; opencv_traincascade elsewhere %d s: %.0f x\n", n, $1, $2, $3, $4 / 1e9, p, p / $1 }'
done
echo "plain work, one core here: integer $(cut -d' ' -f1 "$work/plain" | sort -n | head -n 1) s, float $(cut -d' ' -f2 "$work/plain" | sort -n | head -n 1) s"
