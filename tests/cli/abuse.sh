#!/usr/bin/env bash
# 200 clients at once, half of them slow or gone midway; bodies that are too large, garbage, or would unfold into gigabytes. SECONDS_OF_ABUSE (2)
# and RATE (300 plain requests a second) choose a longer and heavier run.
set -u
cd "$(dirname "$0")/../.." || exit 3
bin=${MOODCAST_BIN:-build/bin}/moodcast
for maker in "${MOODCAST_BIN:-build/bin}"/../tests/test_bundle "${MOODCAST_BIN:-build/bin}"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP abuse: the unit tests are not built"; exit 77; }
scratch=$(mktemp -d) && trap '[ -z "${server:-}" ] || kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
bad=0
mkdir "$scratch/bundle" && "$maker" --write "$scratch/bundle" >/dev/null 2>&1 || exit 1
"$bin" serve --bundle "$scratch/bundle" --listen 127.0.0.1:0 2>"$scratch/log" & server=$!
for _ in $(seq 200); do url=$(grep -oE 'http://127.0.0.1:[0-9]+' "$scratch/log") && break; sleep 0.05; done
/usr/bin/python3 tests/cli/abuse.py "$url" "${SECONDS_OF_ABUSE:-2}" "${RATE:-300}" $server || bad=1
kill -TERM "$server"; wait "$server"; code=$?; server=
[ $code -eq 0 ] || { echo "serve ended with $code: $(tail -n 30 "$scratch/log")"; bad=1; }
exit $bad
