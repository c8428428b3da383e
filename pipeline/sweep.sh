#!/usr/bin/env bash
# Trains every combination of GRID as far as what ranks it, and runs the rest once for the winner. What combinations share is
# computed once: results are named by what they depend on.
#   only settings of the expression: up to the stage emotion, by balanced accuracy on the validation people
#   only tags.*: up to evaluate, by the mean reciprocal rank of hidden tags; others: by the Arena score of hidden songs and tags
# Usage: sweep.sh MAKE OUT EXP "section.key=a,b section.key=c,d" ["more settings for all"]
set -eu
make=$1 out=$2 exp=$3 grid=$4 fixed=${5:-}
[ -n "$grid" ] || { echo 'error: say what to try: make sweep EXP=real GRID="emotion.l2=0.3,1 emotion.average_pool=2,3"' >&2; exit 2; }
combinations=("") target=emotion by=tags
for axis in $grid; do
  key=${axis%%=*} values=${axis#*=}
  [ "$key" != "$axis" ] && [ -n "$values" ] || { echo "error: GRID: '$axis' is not section.key=value,value" >&2; exit 2; }
  case $key in
    faces.*|preprocess.*|augment.*|network.*|emotion.*) ;;
    tags.*) target=evaluate ;;
    *) target=evaluate by=songs ;;
  esac
  next=()
  IFS=, read -ra list <<<"$values"
  for before in "${combinations[@]}"; do for value in "${list[@]}"; do next+=("$before $key=$value"); done; done
  combinations=("${next[@]}")
done
if [ $target = emotion ]; then what="balanced accuracy on the validation people" remedy="there is nobody to validate on; set faces.validation"
elif [ $by = tags ]; then what="mean reciprocal rank of the hidden tags of held-out playlists" remedy="no playlist has hidden tags; set playlists.test"
else what="Arena score (0.85 songs + 0.15 tags) on held-out playlists" remedy="no playlist has hidden songs and tags; set playlists.test"
fi
# The figure that ranks, of the metrics.json that is read.
figure() {
  tr -d '\n ' | case $target-$by in
    emotion-*) sed -n 's/.*"validation":{[^}]*"balanced_accuracy":\([0-9.e-]*\).*/\1/p' ;;
    *-tags) sed -n 's/.*"mrr":\([0-9.e-]*\).*/\1/p' ;;
    *) sed -n 's/.*"arena":\([0-9.e-]*\).*/\1/p' ;;
  esac
}
table=$(mktemp) && trap 'rm -f "$table"' EXIT
for set in "${combinations[@]}"; do
  set=${set# }
  "$make" -s --no-print-directory stage-$target EXP="$exp" OUT="$out" SET="$fixed $set" 1>&2
  id=$(sed -n "s/^ID_$target *:*= *//p" "$out/$exp/plan.mk")
  score=$(figure <"$out/store/$target-$id/metrics.json")
  [ -n "$score" ] || { echo "error: $set: $remedy" >&2; exit 2; }
  printf '%.4f\t%s\n' "$score" "$set" >>"$table" || { echo "error: $table: cannot be written; what was trained is kept, run the same again" >&2; exit 3; }
done
echo "$what:"
sort -s -t$'\t' -k1,1gr "$table"
winner=$(sort -s -t$'\t' -k1,1gr "$table" | head -n 1 | cut -f2)
if [ $target = emotion ]; then echo "the winner on people held out: $winner"
else echo "the winner: $winner (the best of ${#combinations[@]} looks at the same held-out playlists, so its figures on them are a little too good)"
fi
"$make" -s --no-print-directory run EXP="$exp" OUT="$out" SET="$fixed $winner"
