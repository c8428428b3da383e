#!/usr/bin/env bash
# The words of moodcast-train: help in every place where people ask for it, the nearest name for a misspelt one.
set -u
cd "$(dirname "$0")/../.." || exit 3
train=${MOODCAST_BIN:-build/bin}/moodcast-train
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
bad=0
says() {
  local part=$1; shift
  "$train" "$@" >"$scratch/out" 2>"$scratch/err" && grep -qF -- "$part" "$scratch/out" || { echo "$*: does not say \"$part\": $(head -n 3 "$scratch/out" "$scratch/err")"; bad=1; }
}
refused() {
  local part=$1; shift
  "$train" "$@" >"$scratch/out" 2>"$scratch/err"; local code=$?
  [ $code -eq 2 ] && grep -qF -- "$part" "$scratch/err" && [ ! -s "$scratch/out" ] || { echo "$*: exit $code: $(cat "$scratch/err") - expected: $part"; bad=1; }
}
for word in help --help -h; do says 'exit codes:' "$word"; done
says 'moodcast-train 0.' --version
for stage in $("$train" help | sed -n '/^stages:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
  says "moodcast-train $stage --config FILE" help "$stage"
  says "moodcast-train $stage --config FILE" "$stage" --help
done
says 'factors = 128' als --help
"$train" als --help | grep -q '^\[faces\]' && { echo "the help of als lists settings that it does not read"; bad=1; }
says 'exit codes:' plan --help
refused 'did you mean faces?' fases
refused 'did you mean als?' help asl
refused '`moodcast-train help` lists them' something_else
refused 'is not understood' tags --nearest x -n 5x --in tags=.
exit $bad
