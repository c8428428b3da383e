#!/usr/bin/env bash
# `moodcast watch`: a film, a folder, standard input and a camera as JSON lines; bars on a terminal; the film's clock and the wall's.
set -u
cd "$(dirname "$0")/../.." || exit 3
bin=${MOODCAST_BIN:-build/bin}/moodcast
for maker in "${MOODCAST_BIN:-build/bin}"/../tests/test_bundle "${MOODCAST_BIN:-build/bin}"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP watch: the unit tests are not built"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
bad=0
say() { echo "$*"; bad=1; }
mkdir "$scratch/bundle" "$scratch/folder" && "$maker" --write "$scratch/bundle" >/dev/null 2>&1 || exit 1
watch() { "$bin" watch --bundle "$scratch/bundle" "$@"; }
# Three seconds with a face, two without, ten pictures a second.
/usr/bin/python3 - "$scratch" <<'END'
import sys
w, h = 160, 120
dark = bytes([16]) * (w * h)
face = bytes(235 if 60 <= x < 100 and 40 <= y < 80 else 16 for y in range(h) for x in range(w))
with open(sys.argv[1] + "/film.y4m", "wb") as out:
    out.write(b"YUV4MPEG2 W160 H120 F10:1 C420\n")
    for i in range(50):
        out.write(b"FRAME\n" + (face if i < 30 else dark) + b"\x80" * (w * h // 2))
open(sys.argv[1] + "/face.pgm", "wb").write(b"P5 160 120 255\n" + face)
END
# The moods of a whole film, by its own clock: the same bytes twice; songs once, when the mood settles; no face after a second without.
watch --source "$scratch/film.y4m" >"$scratch/a" && watch --source - <"$scratch/film.y4m" | cmp - "$scratch/a" || say "the same film gives other lines"
/usr/bin/python3 - "$scratch/a" <<'END' || bad=1
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert [line["frame"] for line in lines] == list(range(50)) and lines[10]["seconds"] == 1
assert all(len(line["faces"]) == (line["frame"] < 30) for line in lines)
told = [line["frame"] for line in lines if "recommendation" in line]
assert told == [15], told
songs = lines[15]["recommendation"]["songs"]
assert songs and all("why" in song for song in songs)
assert lines[14]["mood"]["state"] == "changing" and lines[15]["mood"]["state"] == "settled" and 0 < lines[15]["mood"]["intensity"] < 1
assert lines[35]["mood"]["state"] == "settled" and lines[45]["mood"]["state"] == "no face" and "label" not in lines[45]["mood"]
END
[ "$(watch --source "$scratch/film.y4m" --frames 3 | wc -l)" = 3 ] || say "--frames 3"
watch --source "$scratch/film.y4m" --realtime --frames 12 | tail -n 1 | /usr/bin/python3 -c "import json,sys; d=json.load(sys.stdin); assert d['seconds'] >= 1 and 'dropped' in d and 'milliseconds' in d, d" || say "--realtime does not keep the film's time"
[ "$(watch --source "$scratch/face.pgm" | grep -c '"label"')" = 1 ] || say "one picture"
cp "$scratch/face.pgm" "$scratch/folder/a.pgm"
watch --source "$scratch/folder" >/dev/null 2>"$scratch/err"; [ $? -eq 4 ] && grep -q 'folder: no .jpg' "$scratch/err" || say "a folder without pictures: $(cat "$scratch/err")"
watch 2>"$scratch/err"; [ $? -eq 2 ] && grep -qF -- '--source' "$scratch/err" || say "no source: $(cat "$scratch/err")"
watch --source /dev/video77 2>"$scratch/err"; [ $? -eq 3 ] && grep -q video77 "$scratch/err" || say "no such camera: $(cat "$scratch/err")"
# Waiting for a picture on standard input, a signal ends it with 0.
mkfifo "$scratch/pipe"; sleep 20 >"$scratch/pipe" & holder=$!
"$bin" watch --bundle "$scratch/bundle" --source - <"$scratch/pipe" >/dev/null 2>&1 & watcher=$!
sleep 0.5; kill -TERM $watcher
wait $watcher; code=$?; [ $code -eq 0 ] || say "a watch that waits ends with $code on SIGTERM"
kill $holder; wait $holder 2>/dev/null
# A terminal gets bars, not JSON; Korean words where the locale is Korean; --json brings JSON back.
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
  LC_ALL= LC_MESSAGES= LANG=ko_KR.UTF-8 script -qc "'$bin' watch --bundle '$scratch/bundle' --source '$scratch/film.y4m'" /dev/null >"$scratch/tty" </dev/null
  grep -q '█' "$scratch/tty" && grep -q '무표정' "$scratch/tty" && ! grep -q '"frame"' "$scratch/tty" || say "no bars on a terminal"
  LC_ALL= LC_MESSAGES= LANG=C NO_COLOR=1 script -qc "'$bin' watch --bundle '$scratch/bundle' --source '$scratch/film.y4m'" /dev/null >"$scratch/tty" </dev/null
  grep -q 'neutral' "$scratch/tty" && ! grep -q '38;2' "$scratch/tty" || say "NO_COLOR or the plain locale is not kept to"
  script -qc "'$bin' watch --json --bundle '$scratch/bundle' --source '$scratch/film.y4m'" /dev/null </dev/null | grep -q '"frame":49' || say "--json on a terminal"
elif [ $bad -eq 0 ]; then
  echo "SKIP watch on a terminal: script (bsdutils) is not installed, or no pseudo-terminal can be made here"; exit 77
fi
exit $bad
