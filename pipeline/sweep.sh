#!/usr/bin/env bash
# Trains every combination of GRID up to the stage emotion, ranks by balanced accuracy on the validation people, and runs
# the rest, with the held-out people, once for the winner.
# Usage: sweep.sh MAKE OUT EXP "section.key=a,b section.key=c,d" ["more settings for all"]
set -eu
make=$1 out=$2 exp=$3 grid=$4 fixed=${5:-}
[ -n "$grid" ] || { echo 'error: say what to try: make sweep EXP=real GRID="emotion.l2=0.3,1 emotion.average_pool=2,3"' >&2; exit 2; }
combinations=("")
for axis in $grid; do
  key=${axis%%=*} values=${axis#*=}
  [ "$key" != "$axis" ] && [ -n "$values" ] || { echo "error: GRID: '$axis' is not section.key=value,value" >&2; exit 2; }
  next=()
  IFS=, read -ra list <<<"$values"
  for before in "${combinations[@]}"; do for value in "${list[@]}"; do next+=("$before $key=$value"); done; done
  combinations=("${next[@]}")
done
table=$(mktemp) && trap 'rm -f "$table"' EXIT
for set in "${combinations[@]}"; do
  set=${set# }
  "$make" -s --no-print-directory stage-emotion EXP="$exp" OUT="$out" SET="$fixed $set" 1>&2
  id=$(sed -n 's/^ID_emotion *:*= *//p' "$out/$exp/plan.mk")
  score=$(tr -d '\n ' <"$out/store/emotion-$id/metrics.json" | sed -n 's/.*"validation":{[^}]*"balanced_accuracy":\([0-9.e-]*\).*/\1/p')
  [ -n "$score" ] || { echo "error: $set: there is nobody to validate on; set faces.validation" >&2; exit 2; }
  printf '%.4f\t%s\n' "$score" "$set" >>"$table"
done
echo "balanced accuracy on the validation people:"
sort -s -t$'\t' -k1,1gr "$table"
winner=$(sort -s -t$'\t' -k1,1gr "$table" | head -n 1 | cut -f2)
echo "the winner on people held out: $winner"
"$make" -s --no-print-directory run EXP="$exp" OUT="$out" SET="$fixed $winner"
