#!/usr/bin/env bash
# Two builds of the same sources, in project and build folders of different names, one run on one thread and one on two: the same bytes of
# every artefact, with everything deterministic that can be asked to be.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
fixed="als.factors=8 tags.deterministic=yes"
job "$fixed" run.threads=2
sums >"$scratch/here"
[ "$(grep -c . "$scratch/here")" -ge 30 ] || { cat "$scratch/here"; echo "too few artefacts"; exit 1; }

elsewhere=$scratch/another/much-longer/place/for/the/project
mkdir -p "$elsewhere"/build
cp -r Makefile pipeline src configs "$elsewhere"/
cp build/deps.ok "$elsewhere"/build/
(cd "$elsewhere" && make --no-print-directory -s -j2 run BUILD=made/there EXP=sample OUT=results SET="$small $fixed run.threads=1") \
  >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log"; echo "the second build did not run"; exit 1; }
cmp -s "$MOODCAST_BIN/moodcast-train" "$elsewhere/made/there/bin/moodcast-train" && echo "the builds are the same file: their paths do not differ" && exit 1
sums "$elsewhere/results" | diff "$scratch/here" - >"$scratch/differences" ||
  { cat "$scratch/differences"; echo "another build gave other bytes"; exit 1; }
