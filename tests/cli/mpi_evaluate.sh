#!/usr/bin/env bash
# What evaluation says is the same on one process and on 2 and 3 ranks, the pictures that the detector searches being shared.
set -eu
cd "$(dirname "$0")/../.."
. tests/support/mpi.sh
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
job preprocess.crop=box preprocess.detect_min_size=60 sample.people=20
exp=$scratch/out/sample
grep -q '"found": *{' "$exp/metrics.json" || { echo "no figure of faces as the detector finds them"; exit 1; }
judge() { # OUT COMMAND…
  local out=$1; shift
  "$@" evaluate --config "$exp/config.ini" $(for stage in sample faces cascade features emotion playlists tags als; do echo "--in $stage=$exp/$stage"; done) \
    --out "$scratch/$out" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
}
judge one "$MOODCAST_BIN/moodcast-train"
for mpi in $mpis; do
  build_mpi "$mpi"
  for n in 2 3; do
    judge "$mpi.$n" ranks "$mpi" $n "build/mpi.$mpi$mpi_mode/bin/moodcast-train"
    for file in metrics.json predictions.tsv; do
      cmp "$scratch/one/$file" "$scratch/$mpi.$n/$file" || { echo "$mpi, $n ranks: another $file"; exit 1; }
    done
    grep -q "\"ranks\": *$n" "$scratch/$mpi.$n/done" || { echo "it did not run on $n ranks"; exit 1; }
  done
done
