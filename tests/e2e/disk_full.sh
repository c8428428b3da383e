#!/usr/bin/env bash
# The disk is full at each stage: at once, and half-way through what it writes. A sentence and status 3, nothing half-written under a
# name that promises a whole file, and with room again the run ends with the bytes of one that always had room.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'umount "$scratch/out" 2>/dev/null; rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
mkdir "$scratch/probe"
mount -t tmpfs -o size=1m none "$scratch/probe" 2>/dev/null || { echo "SKIP disk_full: a small file system cannot be mounted here"; exit 77; }
umount "$scratch/probe"
job
sums >"$scratch/undisturbed"
declare -A takes=()
for folder in "$scratch"/out/store/*; do name=$(basename "$folder"); takes[${name%-*}]=$(du -sk "$folder" | cut -f1); done
rm -rf "$scratch/out"; mkdir "$scratch/out"
mount -t tmpfs -o size=400m none "$scratch/out"
room() { mount -o "remount,size=$(($(df --output=used -k "$scratch/out" | tail -n 1) + $1))k" "$scratch/out"; }

# Not even the plan finds room.
room 4
! run_make run "" >"$scratch/log" 2>&1 || { echo "a plan without room"; exit 1; }
grep -q "^error: .*" "$scratch/log" || { cat "$scratch/log"; echo "the plan: no sentence"; exit 1; }
[ -z "$(find "$scratch/out" -name '*.part' -o -name config.ini -o -name plan.json)" ] || { find "$scratch/out"; echo "the plan is half-written"; exit 1; }
mount -o remount,size=400m "$scratch/out"
# Running a stage that is done writes the plan and nothing else; what it takes does not come again.
slack=8

run_make run "" DRY=1 >/dev/null
run_make run "" TO=sample >"$scratch/log" 2>&1
rm -rf "$scratch"/out/store/sample-*
for stage in sample faces cascade features emotion playlists tags als evaluate report pack; do
  for share in 0 3; do
    rm -rf "$scratch"/out/store/$stage-*
    room $((slack + takes[$stage] * share / 5))
    ! run_make "run" "" TO=$stage >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "$stage: no failure with $share/5 of its room"; exit 1; }
    grep -qE "^error: .*(No space left|room|free)" "$scratch/log" || { cat "$scratch/log"; echo "$stage: no sentence with $share/5 of its room"; exit 1; }
    grep -qE "(Error|Fehler) 3" "$scratch/log" || { cat "$scratch/log"; echo "$stage: not status 3 with $share/5 of its room"; exit 1; }
    [ -z "$(find "$scratch"/out/store/$stage-* -name done 2>/dev/null)" ] || { echo "$stage: done without its room"; exit 1; }
    # Under its name a file is whole; what grows by lines, and what a stage goes on from, is not asked.
    sums | grep -vE "( -|\.part|\.jsonl|checkpoint)\$" | grep -vxFf "$scratch/undisturbed" >"$scratch/half" && { cat "$scratch/half"; echo "$stage: half-written"; exit 1; }
    find "$scratch/out" -name '*.part' | grep -vE '/(faces\.h5|faces\.h5\.rows|features\.h5|features\.f32|head)\.part$' && { echo "$stage: a part was left"; exit 1; }
  done
  mount -o remount,size=400m "$scratch/out"
  run_make run "" TO=$stage >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "$stage: no run with room again"; exit 1; }
done
job
sums | diff "$scratch/undisturbed" - >"$scratch/differences" || { cat "$scratch/differences"; echo "after full disks other bytes"; exit 1; }
