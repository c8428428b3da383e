#!/usr/bin/env bash
# The report in a real browser, on a phone and on a desk, in light and dark: no sideways scrolling, every letter has its glyph, a clean console,
# nothing asked from outside. A page of awkward names and numbers, and both pages of a small run. Pictures are left in $MOODCAST_SHOTS when set.
set -eu
cd "$(dirname "$0")/../.."
. tests/support/playwright.sh
need_browser report
python3=/usr/bin/python3
$python3 -c '' 2>/dev/null || { echo "SKIP report: python3 is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
$python3 tests/golden/report_fixture.py "$scratch"
"$MOODCAST_BIN/moodcast-train" report --in evaluate="$scratch/evaluate" --in cascade="$scratch/cascade" --out "$scratch/awkward" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
job
SHOTS=${MOODCAST_SHOTS:-} timeout 300 node tests/browser/report.mjs "$scratch/awkward/index.html" "$scratch/out/sample/report/index.html" "$scratch/out/sample/report.html"
