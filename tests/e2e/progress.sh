#!/usr/bin/env bash
# `make run` on a terminal: bars with rate and time left while a stage works, wiped away after it; what stands on the screen in the end is a
# line a stage with its time and its figure. Without a terminal there are neither bars nor control characters. Each stage that fails leaves its
# log and says where.
set -eu
cd "$(dirname "$0")/../.."
script -qec true /dev/null </dev/null >/dev/null 2>&1 || { echo "SKIP progress: script (bsdutils) is not installed, or no pseudo-terminal can be made here"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
more="sample.people=30 cascade.stages=5 als.factors=64 als.iterations=200 emotion.epochs=400 emotion.patience=10000"
# A bar is drawn five times a second: on a fast machine some of this work would be done before.
swift=
if ! ldd "$MOODCAST_BIN/moodcast-train" | grep -qE 'lib[at]san'; then
  gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$scratch/swift.so" tests/support/preload/swift_clock.c -ldl
  swift=$scratch/swift.so
fi
job_on_terminal() { LD_PRELOAD=$swift script -qec "make --no-print-directory -s run MODE=$mode EXP=sample OUT=$scratch/out SET='$small $more'" /dev/null </dev/null; }
job_on_terminal >"$scratch/typed" || { cat "$scratch/typed"; echo "make run failed"; exit 1; }
erase=$'\r\e\\[K'
for topic in sample cascade features emotion als; do
  grep -qE "$erase$topic \[#*\.*\] +[0-9]+ %  [0-9]+/[0-9]+ [a-z ]+  .*[0-9.e+]+/s  [0-9.]+ (s|min|h) left" "$scratch/typed" || { cat -v "$scratch/typed"; echo "no bar of $topic"; exit 1; }
done
# What is left of a line after the last erasure is what stays on the screen.
tr -d '\n' <"$scratch/typed" | sed 's/\r\x1b/\x1b/g' | tr '\r' '\n' | sed 's/.*\x1b\[K//' >"$scratch/screen"
! grep -qE '\[#*\.*\]' "$scratch/screen" || { cat -v "$scratch/screen"; echo "bars stay on the screen"; exit 1; }
for stage in sample faces cascade features emotion playlists tags als evaluate report pack; do
  [ "$(grep -cE "^$stage: [0-9.]+ (s|min|min [0-9]+ s): .*[0-9]" "$scratch/screen")" = 1 ] || { cat -v "$scratch/screen"; echo "not one line of $stage with its time and figure"; exit 1; }
done

rm -rf "$scratch/out"
job $more
! grep -q $'[\r\e]' "$scratch/log" || { cat -v "$scratch/log"; echo "control characters without a terminal"; exit 1; }

# Each stage with what it reads taken away.
mkdir "$scratch/empty"
for stage in faces cascade features emotion playlists tags als evaluate report pack; do
  inputs=(); for up in faces cascade features emotion playlists tags als evaluate; do inputs+=(--in $up="$scratch/empty"); done
  code=0
  "$MOODCAST_BIN/moodcast-train" $stage --config configs/sample.ini "${inputs[@]}" --in sample="$scratch/empty" --out "$scratch/failed-$stage" >"$scratch/log" 2>&1 || code=$?
  [ $code -ge 2 ] && [ $code -le 4 ] || { cat "$scratch/log"; echo "$stage: exit $code"; exit 1; }
  grep -qxF "$stage: its log: $scratch/failed-$stage/log.jsonl" "$scratch/log" || { cat "$scratch/log"; echo "$stage does not say where its log is"; exit 1; }
  tail -n 1 "$scratch/failed-$stage/log.jsonl" | grep -qF '"level": "error"' || { cat "$scratch/failed-$stage/log.jsonl"; echo "$stage: its log lacks the failure"; exit 1; }
  [ ! -e "$scratch/failed-$stage/done" ] || { echo "$stage is done"; exit 1; }
done
