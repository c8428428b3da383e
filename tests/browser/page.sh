#!/usr/bin/env bash
# The web page in a real browser: Chromium with a file as its camera, driven by playwright-core. Pictures of the page are left in
# $MOODCAST_SHOTS when that is set.
set -u
cd "$(dirname "$0")/../.." || exit 3
bin=${MOODCAST_BIN:-build/bin}/moodcast
for maker in "${MOODCAST_BIN:-build/bin}"/../tests/test_bundle "${MOODCAST_BIN:-build/bin}"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP page: the unit tests are not built"; exit 77; }
. tests/support/playwright.sh
need_browser page
scratch=$(mktemp -d) && trap '[ -z "${server:-}" ] || kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
mkdir "$scratch/bundle"
if [ -n "${MOODCAST_BUNDLE:-}" ]; then bundle=$MOODCAST_BUNDLE; else bundle=$scratch/bundle; "$maker" --write "$bundle" >/dev/null 2>&1 || exit 1; fi
"$bin" serve --bundle "$bundle" --listen 127.0.0.1:0 2>"$scratch/log" & server=$!
until url=$(grep -oE 'http://127.0.0.1:[0-9]+' "$scratch/log") || ! kill -0 "$server" 2>/dev/null; do sleep 0.1; done
SHOTS=${MOODCAST_SHOTS:-} timeout 300 node tests/browser/page.mjs "$url/" "$scratch"
code=$?
kill -TERM "$server"; wait "$server" || code=1; server=
exit $code
