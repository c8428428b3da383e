#!/usr/bin/env bash
# `moodcast serve` under its filter of system calls: every thread has it, frames are drawn as without it, and leaving it off is said.
# What the filter refuses: tests/unit/test_sandbox.c.
set -u
cd "$(dirname "$0")/../.." || exit 3
bin=${MOODCAST_BIN:-build/bin}/moodcast
for maker in "${MOODCAST_BIN:-build/bin}"/../tests/test_bundle "${MOODCAST_BIN:-build/bin}"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP sandbox: the unit tests are not built"; exit 77; }
command -v curl >/dev/null || { echo "SKIP sandbox: curl is not installed"; exit 77; }
scratch=$(mktemp -d) && trap '[ -z "${server:-}" ] || kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
bad=0
say() { echo "$*"; bad=1; }
mkdir "$scratch/bundle" && "$maker" --write "$scratch/bundle" >/dev/null 2>&1 || exit 1
# A film of one frame: a bright square on black.
/usr/bin/python3 - "$scratch/film.y4m" <<'END'
import sys
luma = b"".join(bytes(235 if abs(x - 80) < 20 and abs(y - 60) < 20 else 16 for x in range(160)) for y in range(120))
open(sys.argv[1], "wb").write(b"YUV4MPEG2 W160 H120 F5:1 C420\nFRAME\n" + luma + bytes([128]) * (80 * 60 * 2))
END
start() {
  : >"$scratch/log" # of the last one: the next opens it when it gets to run
  "$bin" serve --bundle "$scratch/bundle" --listen 127.0.0.1:0 --threads 2 "$@" 2>"$scratch/log" & server=$!
  for _ in $(seq 200); do url=$(grep -oE 'http://127.0.0.1:[0-9]+' "$scratch/log") && break; sleep 0.05; done
}
finish() { kill -TERM "$server"; wait "$server"; code=$?; server=; [ $code -eq 0 ] || say "serve ended with $code: $(cat "$scratch/log")"; }
filtered() { sed -n 's/^Seccomp:[[:space:]]*//p' /proc/"$server"/task/*/status | sort -u; }
frame() {
  for _ in $(seq 100); do curl -sf "$url/api/latest" >"$scratch/latest" && break; sleep 0.05; done
  curl -s --max-time 1 "$url/api/stream" >"$1"
  /usr/bin/python3 -c "
import sys
data = open(sys.argv[1], 'rb').read(); at = data.index(b'\r\n\r\n') + 4; size = int(data[:at].lower().split(b'content-length:')[1].split()[0])
open(sys.argv[1], 'wb').write(data[at:at + size]); assert size > 1000" "$1" || say "no frame"
}

start
if grep -q 'built with a sanitizer' "$scratch/log"; then finish; echo "SKIP sandbox: built with a sanitizer or for coverage"; [ $bad -eq 0 ] && exit 77; exit 1; fi
[ "$(filtered)" = 2 ] || say "threads without a filter: $(filtered)"
finish
start --source "$scratch/film.y4m"
frame "$scratch/with"
[ "$(filtered)" = 2 ] || say "threads without a filter beside a film: $(filtered)"
finish
start --source "$scratch/film.y4m" --no-sandbox
frame "$scratch/without"
[ "$(filtered)" = 0 ] || say "--no-sandbox: $(filtered)"
grep -q 'no filter of system calls: --no-sandbox' "$scratch/log" || say "--no-sandbox is not told"
finish
cmp "$scratch/with" "$scratch/without" || say "under the filter other frames are drawn"
exit $bad
