#!/usr/bin/env bash
# The Video4Linux2 source against a camera that LD_PRELOAD puts in place of /dev/video0: each format, a busy and a useless device, unplug
# and plug in again.
set -u
cd "$(dirname "$0")/../.." || exit 3
bin=${MOODCAST_BIN:-build/bin}/moodcast
for maker in "${MOODCAST_BIN:-build/bin}"/../tests/test_bundle "${MOODCAST_BIN:-build/bin}"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP camera: the unit tests are not built"; exit 77; }
command -v curl >/dev/null || { echo "SKIP camera: curl is not installed"; exit 77; }
# AddressSanitizer's library insists on being the first.
asan=$(ldd "$bin" | awk '/libasan/ { print $3 }')
scratch=$(mktemp -d) && trap '[ -z "${server:-}" ] || kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
bad=0
say() { echo "$*"; bad=1; }
gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -shared -fPIC -o "$scratch/fake.so" tests/support/preload/fake_camera.c -ldl || exit 1
mkdir "$scratch/bundle" && "$maker" --write "$scratch/bundle" >/dev/null 2>&1 || exit 1
/usr/bin/python3 -c "
import cv2, numpy
picture = numpy.zeros((240, 320, 3), numpy.uint8); picture[70:170, 110:210] = 255
cv2.imwrite('$scratch/frame.jpg', picture)" 2>/dev/null

start() {
  : >"$scratch/log" # of the last one: the next opens it when it gets to run
  FAKE_CAMERA=$1 FAKE_CAMERA_JPEG=$scratch/frame.jpg LD_PRELOAD=${asan:+$asan:}$scratch/fake.so "$bin" serve --bundle "$scratch/bundle" --listen 127.0.0.1:0 --source /dev/video0 2>"$scratch/log" & server=$!
  url=
  for _ in $(seq 100); do url=$(grep -oE 'http://127.0.0.1:[0-9]+' "$scratch/log") && break; kill -0 "$server" 2>/dev/null || break; sleep 0.05; done
}
finish() { kill -TERM "$server" 2>/dev/null; wait "$server"; code=$?; server=; }
frames() { curl -sf "$url/metrics" | awk '$1 == "moodcast_stream_frames_total" { print $2 }'; }

for mode in yuyv mjpg nv12 grey; do
  [ $mode = mjpg ] && [ ! -s "$scratch/frame.jpg" ] && continue
  start $mode
  for _ in $(seq 60); do curl -sf "$url/api/latest" >"$scratch/latest" && break; sleep 0.1; done
  /usr/bin/python3 -c "import json,sys; d=json.load(open(sys.argv[1])); f=d['faces'][0]; assert (d['width'],d['height'])==(320,240) and abs(f['x']+f['w']/2-160)<12 and abs(f['y']+f['h']/2-120)<12, d" "$scratch/latest" \
    || say "$mode: the face is not where the camera shows it: $(cat "$scratch/latest")"
  curl -s --max-time 1 "$url/api/stream" >"$scratch/stream"
  grep -aq 'Content-Type: image/jpeg' "$scratch/stream" || say "$mode: no frame in the stream"
  finish
  [ $code -eq 0 ] || say "$mode: serve ended with $code: $(cat "$scratch/log")"
done

start unplug
for _ in $(seq 100); do n=$(frames); [ "${n:-0}" -le 5 ] || break; sleep 0.1; done
[ "${n:-0}" -gt 5 ] || say "after unplug and plug in no frame came: $(frames)"
grep -q 'unplugged' "$scratch/log" || say "nobody was told of the unplug"
finish
[ $code -eq 0 ] || say "unplug: serve ended with $code"
start busy; finish; [ $code -eq 3 ] && grep -q 'another program uses the camera' "$scratch/log" || say "busy: $code $(cat "$scratch/log")"
start none; finish; [ $code -eq 3 ] && grep -q 'does not capture video' "$scratch/log" || say "none: $code $(cat "$scratch/log")"
exit $bad
