#!/usr/bin/env bash
# Every fuzz target of tests/fuzz goes through its corpus without falling over.
set -eu
cd "$(dirname "$0")/../.."
for target in tests/fuzz/fuzz_*.c; do
  name=$(basename "$target" .c)
  corpus=(tests/fuzz/corpus/"$name"/*)
  [ -e "${corpus[0]}" ] || { echo "$name has no corpus"; exit 1; }
  "$MOODCAST_UNITS/../fuzz/$name" "${corpus[@]}" || { echo "$name: exit $?"; exit 1; }
done
