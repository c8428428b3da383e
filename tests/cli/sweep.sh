#!/usr/bin/env bash
# make sweep says what is wrong with a GRID before anything is trained.
set -u
cd "$(dirname "$0")/../.."
out=$(mktemp -d) && trap 'rm -rf "$out"' EXIT
refused() { # words, GRID
  local got=0
  pipeline/sweep.sh make "$out" sample "$2" 2>"$out/log" || got=$?
  [ $got = 2 ] || { echo "GRID='$2': status $got instead of 2"; exit 1; }
  grep -q "$1" "$out/log" || { echo "no word of '$1':"; cat "$out/log"; exit 1; }
}
refused 'say what to try' ''
refused 'is not section.key' 'emotion.l2'
refused 'is not section.key' 'emotion.l2='
[ -z "$(find "$out" -mindepth 1 ! -name log)" ] || { echo 'something was trained'; exit 1; }
