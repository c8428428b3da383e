#!/usr/bin/env bash
# Each writer with a disk that fails at the n-th write or fsync (tests/support/preload/failing_writes.c): a sentence and status 3, no file under a name that
# promises a whole one but with its right bytes, and the next run ends with the bytes of one that nothing disturbed. STEPS (2) moments of each kind
# are tried for each stage, the first and the last among them.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
train=$(realpath "$MOODCAST_BIN")/moodcast-train
ldd "$train" | grep -qE 'lib[at]san' && { echo "SKIP failing_writes: LD_PRELOAD and sanitizers exclude each other"; exit 77; }
gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$scratch/shim.so" tests/support/preload/failing_writes.c -ldl
job
words=(); for word in $small; do words+=(--set "$word"); done
store=$scratch/out/store tried=0
sums_of() { (cd "$1" && find . -type f ! -name done ! -name log.jsonl ! -name inputs.tsv ! -name metrics.json | sort | xargs -r sha256sum); }
# STAGE into $scratch/try with the disk's fault in FAIL; what it reads are the results of the undisturbed run.
stage() {
  local name=$1 in=() up
  for up in sample faces cascade features emotion playlists tags als evaluate; do in+=(--in "$up=$(echo "$store/$up"-*)"); done
  (cd "$scratch" && env FAIL="$2" FAIL_UNDER="$scratch/try" FAIL_COUNT="$scratch/count" LD_PRELOAD="$scratch/shim.so" OPENBLAS_CORETYPE="${OPENBLAS_CORETYPE:-}" \
    "$train" "$name" --config "$scratch/out/sample/config.ini" "${words[@]}" "${in[@]}" --out "$scratch/try") >"$scratch/log" 2>&1
}
for name in sample faces features emotion playlists tags als pack; do
  whole=$(echo "$store/$name"-*)
  sums_of "$whole" >"$scratch/whole"
  rm -rf "$scratch/try"
  stage $name none || { cat "$scratch/log"; echo "$name: failed undisturbed"; exit 1; }
  sums_of "$scratch/try" | diff "$scratch/whole" - || { echo "$name: other bytes undisturbed"; exit 1; }
  read -r writes syncs <"$scratch/count"
  [ "$writes" -gt 0 ] && [ "$syncs" -gt 0 ] || { echo "$name: the shim saw $writes writes, $syncs fsyncs"; exit 1; }
  for kind in write:$writes fsync:$syncs; do
    most=${kind#*:} kind=${kind%:*} steps=${STEPS:-2} last=0
    for step in $(seq 0 $((steps - 1))); do
      n=$((1 + step * (most - 1) / (steps > 1 ? steps - 1 : 1)))
      [ $n -ne $last ] || continue
      last=$n tried=$((tried + 1))
      rm -rf "$scratch/try"
      code=0; stage $name $kind:$n || code=$?
      [ $code -eq 3 ] && grep -q '^error: ' "$scratch/log" || { tail -n 5 "$scratch/log"; echo "$name: $kind $n of $most: exit $code"; exit 1; }
      [ ! -e "$scratch/try/done" ] || { echo "$name: done after a failed $kind $n of $most"; exit 1; }
      sums_of "$scratch/try" | grep -vE '(\.part|\.jsonl|checkpoint[^ ]*|\.ckpt)$' | grep -vxFf "$scratch/whole" && { echo "$name: half-written after $kind $n of $most"; exit 1; }
      stage $name none || { cat "$scratch/log"; echo "$name: no run after a failed $kind $n of $most"; exit 1; }
      sums_of "$scratch/try" | diff "$scratch/whole" - || { echo "$name: other bytes after a failed $kind $n of $most"; exit 1; }
    done
  done
done
echo "$tried faults"
