#!/usr/bin/env bash
# A sweep over two late settings runs what they change and nothing else: 2 factorisations, 3 sets of tag vectors, 6 judgements.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
job als.factors=8
run_make sweep "" GRID="als.factors=8,12 tags.size=8,12,16" >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "make sweep failed"; exit 1; }
runs() { grep -cE "^$1: [0-9.]+ s:" "$scratch/log" || true; }
for expected in sample=0 faces=0 cascade=0 features=0 emotion=0 playlists=0 als=1 tags=2 evaluate=5 report=1 pack=1; do
  stage=${expected%=*} times=${expected#*=}
  # The winner may be the run that was there already.
  got=$(runs $stage)
  case $stage in report|pack) [ "$got" -le 1 ] ;; *) [ "$got" = "$times" ] ;; esac ||
    { cat "$scratch/log"; echo "$stage ran $got times instead of $times"; exit 1; }
done
grep -q '^Arena score' "$scratch/log"
[ "$(grep -cE '^0\.[0-9]{4}	als.factors=(8|12) tags.size=(8|12|16)$' "$scratch/log")" = 6 ] || { cat "$scratch/log"; echo "not six lines in the table"; exit 1; }
best=$(grep -E '^0\.[0-9]{4}	' "$scratch/log" | head -n 1 | cut -f2)
grep -qF "the winner: $best" "$scratch/log"
# What make ranked is what the winner's metrics say.
grep -qE "\"arena\": *$(grep -E '^0\.[0-9]{4}	' "$scratch/log" | head -n 1 | cut -c 1-5)" "$scratch/out/sample/metrics.json"
