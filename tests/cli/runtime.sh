#!/usr/bin/env bash
# The program `moodcast` as people call it: what it links, its options, JSON, exit codes, history, server and its end.
set -u
cd "$(dirname "$0")/../.." || exit 3
bin=${MOODCAST_BIN:-build/bin}/moodcast
for maker in "${MOODCAST_BIN:-build/bin}"/../tests/test_bundle "${MOODCAST_BIN:-build/bin}"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP runtime: the unit tests are not built"; exit 77; }
scratch=$(mktemp -d) && trap '[ -z "${server:-}" ] || kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
bad=0
say() { echo "$*"; bad=1; }
# status, part of what stderr says, command…
refused() {
  local want=$1 part=$2; shift 2
  "$bin" "$@" >"$scratch/out" 2>"$scratch/err"; local code=$?
  [ $code -eq "$want" ] || say "$*: exit $code, expected $want: $(cat "$scratch/err")"
  grep -qF -- "$part" "$scratch/err" || say "$*: \"$(cat "$scratch/err")\" does not say \"$part\""
  [ ! -s "$scratch/out" ] || say "$*: something was printed all the same"
}
json() { /usr/bin/python3 -c "import json,sys; d=json.loads(sys.stdin.readline()); assert $1, d"; }

mkdir "$scratch/bundle" "$scratch/bad" && "$maker" --write "$scratch/bundle" >/dev/null 2>&1 || say "the fixture was not written"
bundle=$scratch/bundle
/usr/bin/python3 - "$scratch" <<'END'
import struct, sys, zlib
def png(path, w, h, face):
    rows = b"".join(b"\0" + bytes(255 if face and abs(x - w // 2) < 20 and abs(y - h // 2) < 20 else 0 for x in range(w)) for y in range(h))
    part = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0)) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b""))
png(sys.argv[1] + "/face.png", 160, 120, True)
png(sys.argv[1] + "/none.png", 160, 120, False)
open(sys.argv[1] + "/text.jpg", "w").write("no picture at all\n")
END

# What it links.
if [ -z "$(ldd "$bin" | grep -iE 'hdf5|archive')" ]; then :; else say "moodcast links $(ldd "$bin" | grep -iE 'hdf5|archive')"; fi

# Help comes from the table; unknown words are refused with the nearest name.
"$bin" help | grep -q 'moodcast serve' || say "help does not list serve"
for command in detect analyze recommend info serve watch help version; do "$bin" "$command" --help | grep -q "usage: moodcast $command" || say "$command --help"; done
"$bin" version | grep -q '^moodcast ' || say "version"
refused 2 'did you mean detect' detct
refused 2 'did you mean --neighbors' detect --neighbours 3 x.jpg
refused 2 '--cascade FILE or --bundle DIR' detect x.jpg
refused 2 'no picture' analyze --bundle "$bundle"
refused 2 '--bundle DIR' info
refused 2 'outside' detect --scale 9 --cascade x.xml x.jpg
refused 3 'nowhere' info --bundle /nowhere/at/all
refused 3 'missing.png' detect --bundle "$bundle" "$scratch/missing.png"
refused 4 'text.jpg' detect --bundle "$bundle" "$scratch/text.jpg"
refused 4 'text.jpg' analyze --bundle "$bundle" "$scratch/text.jpg"
refused 2 'exclude each other' recommend --bundle "$bundle" --label positive --scores positive=1
refused 2 'neutral, positive, negative' recommend --bundle "$bundle" --label angry
refused 2 'nothing to start from' recommend --bundle "$bundle"
refused 2 'allow-remote' serve --bundle "$bundle" --listen 0.0.0.0:0
refused 2 'ADDRESS:PORT' serve --bundle "$bundle" --listen nonsense
refused 3 '/dev/video77' serve --bundle "$bundle" --listen 127.0.0.1:0 --source /dev/video77

# Detect and analyze: one JSON line an image, fields as documented; one bad picture does not stop the others.
"$bin" detect --bundle "$bundle" "$scratch/face.png" | json 'd["width"]==160 and d["height"]==120 and list(d["faces"][0])==["x","y","w","h","neighbors"]' || say "detect"
"$bin" analyze --bundle "$bundle" --annotate "$scratch/drawn.png" "$scratch/face.png" \
  | json 'set(d["faces"][0]["scores"])=={"neutral","positive","negative"} and abs(sum(d["faces"][0]["scores"].values())-1)<1e-5 and d["faces"][0]["label"] in d["faces"][0]["scores"]' || say "analyze"
/usr/bin/python3 -c "import sys; d=open(sys.argv[1],'rb').read(); assert d[:4]==b'\x89PNG' and d[16:24]==bytes([0,0,0,160,0,0,0,120])" "$scratch/drawn.png" || say "the annotated picture"
# The label in Hangul: in its line above the box other pixels are drawn than for a class without a Korean word.
sed 's/"positive"/"joyfully"/g; s/"negative"/"gloomily"/g; s/"neutral"/"calmish"/g' "$bundle/bundle.json" >"$scratch/renamed.json"
mkdir -p "$scratch/foreign" && cp "$bundle"/* "$scratch/foreign" && cp "$scratch/renamed.json" "$scratch/foreign/bundle.json"
"$bin" analyze --bundle "$scratch/foreign" --annotate "$scratch/foreign.png" "$scratch/face.png" >/dev/null && ! cmp -s "$scratch/foreign.png" "$scratch/drawn.png" || say "labels are not drawn"
"$bin" analyze --bundle "$bundle" "$scratch/none.png" | json 'd["faces"]==[] and d["note"]=="no face was found"' || say "analyze without a face"
[ "$("$bin" analyze --bundle "$bundle" "$scratch/face.png" "$scratch/text.jpg" "$scratch/none.png" 2>/dev/null | wc -l)" = 2 ] || say "a bad picture stopped the others"
"$bin" analyze --bundle "$bundle" "$scratch/face.png" >"$scratch/one" && OPENBLAS_CORETYPE=Haswell "$bin" analyze --threads 1 --bundle "$bundle" "$scratch/face.png" | cmp -s - "$scratch/one" \
  || "$bin" analyze --threads 1 --bundle "$bundle" "$scratch/face.png" | cmp - "$scratch/one" || say "the number of threads changes the scores"

# Songs: the same request gives the same bytes; the history forbids repeats.
"$bin" recommend --bundle "$bundle" --label positive -n 3 --seed 4 --json >"$scratch/a"
"$bin" recommend --bundle "$bundle" --label positive -n 3 --seed 4 --json | cmp - "$scratch/a" || say "recommend is not repeatable"
json 'len(d["songs"])==3 and d["songs"][0]["why"]["label"]=="positive" and "playlist" in d["songs"][0]["why"]' <"$scratch/a" || say "why"
for round in 1 2; do "$bin" recommend --bundle "$bundle" --tag 여름 -n 4 --history "$scratch/history" >"$scratch/list$round" || say "history"; done
[ "$(sort -u "$scratch/history" | wc -l)" = 8 ] || say "a song came twice: $(tr '\n' ' ' <"$scratch/history")"
# What nobody got to read was not heard: a reader that has gone, a full disk.
head -n 4 "$scratch/history" >"$scratch/heard" && cp "$scratch/heard" "$scratch/unread"
mkfifo "$scratch/pipe" && exec 8<>"$scratch/pipe" 9>"$scratch/pipe" 8>&-
for form in "" --json; do
  "$bin" recommend --bundle "$bundle" --tag 여름 -n 4 $form --history "$scratch/unread" >&9 2>"$scratch/said"; [ $? -eq 3 ] || say "recommend to a closed pipe"
  grep -q "unread is left as it was" "$scratch/said" || say "recommend to a closed pipe: $(cat "$scratch/said")"
  [ ! -w /dev/full ] || { "$bin" recommend --bundle "$bundle" --tag 여름 -n 4 $form --history "$scratch/unread" >/dev/full 2>"$scratch/said"; [ $? -eq 3 ]; } || say "recommend to a full disk"
done
exec 9>&-
cmp "$scratch/unread" "$scratch/heard" || say "songs that were not printed are taken for heard"
printf '12\nx\n' >"$scratch/broken" && refused 4 'broken:2' recommend --bundle "$bundle" --tag 여름 --history "$scratch/broken"
"$bin" info --bundle "$bundle" --verify | grep -q 'not pretrained' || say "info does not tell what the bundle is not"

# A changed, a cut, a missing file.
cp -r "$bundle/." "$scratch/bad" && printf ' ' | dd of="$scratch/bad/recommender.safetensors" bs=1 seek=900 conv=notrunc 2>/dev/null
refused 4 'recommender.safetensors: sha256' info --verify --bundle "$scratch/bad"
truncate -s 700 "$scratch/bad/recommender.safetensors" && refused 4 'recommender.safetensors: 700 bytes' info --bundle "$scratch/bad"
rm "$scratch/bad/cascade.xml" && refused 3 'cascade.xml' info --bundle "$scratch/bad"
[ -w /dev/full ] && { "$bin" help >/dev/full 2>/dev/null; [ $? -eq 3 ] || say "a full disk behind stdout is not an error"; }

# Damage that keeps the size, a bundle.json that is cut or no bundle's, a history with an empty line.
for file in cascade.xml emotion.safetensors recommender.safetensors; do
  rm -rf "$scratch/bad" && cp -r "$bundle" "$scratch/bad" && printf '\377\377\377\377\377\377\377\177' | dd of="$scratch/bad/$file" conv=notrunc 2>/dev/null
  refused 4 "bad/$file" info --bundle "$scratch/bad"
done
rm -rf "$scratch/bad" && cp -r "$bundle" "$scratch/bad" && truncate -s 200 "$scratch/bad/bundle.json" && refused 4 'bad/bundle.json' info --bundle "$scratch/bad"
echo '{}' >"$scratch/bad/bundle.json" && refused 4 'moodcast-bundle' info --bundle "$scratch/bad"
refused 3 'that `make run` leaves' info --bundle "$scratch/empty"
printf '12\n\nx\n' >"$scratch/broken" && refused 4 'broken:3' recommend --bundle "$bundle" --tag 여름 --history "$scratch/broken"
printf '99999999999999999999\n' >"$scratch/broken" && refused 4 'broken:1' recommend --bundle "$bundle" --tag 여름 --history "$scratch/broken"

# The server: answers, ends on SIGTERM with 0 and leaves nothing behind.
before=$(ls -A "$scratch" | wc -l)
"$bin" serve --bundle "$bundle" --listen 127.0.0.1:0 2>"$scratch/bad/log" & server=$!
for _ in $(seq 100); do url=$(grep -oE 'http://127.0.0.1:[0-9]+' "$scratch/bad/log") && break; sleep 0.05; done
if command -v curl >/dev/null; then
  curl -sf "$url/healthz" | json 'd["status"]=="ok"' || say "healthz"
  curl -sf --data-binary @"$scratch/face.png" -H 'Content-Type: image/png' "$url/api/analyze" | json 'len(d["faces"])==1' || say "POST /api/analyze"
  curl -sf --data-binary @"$scratch/face.png" "$url/api/analyze" | json 'len(d["faces"])==1' || say "POST /api/analyze with curl's own type"
  faces() { /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["faces"])'; }
  [ "$(curl -sf --data-binary @"$scratch/face.png" -H 'Content-Type: image/png' "$url/api/analyze" | faces)" = "$("$bin" analyze --bundle "$bundle" "$scratch/face.png" | faces)" ] \
    || say "an upload is scored otherwise than by analyze"
  curl -sf "$url/api/recommend?label=negative&n=2" | json 'len(d["songs"])==2' || say "GET /api/recommend"
  [ "$(curl -s -o /dev/null -w '%{http_code}' -H 'Host: evil.example' "$url/")" = 421 ] || say "a foreign host name"
  [ "$(head -c 9000000 /dev/zero | curl -s -o /dev/null -w '%{http_code}' --data-binary @- "$url/api/analyze")" = 413 ] || say "nine megabytes"
fi
kill -TERM "$server"; wait "$server"; code=$?; server=
[ $code -eq 0 ] || say "serve ended with $code on SIGTERM"
[ "$(ls -A "$scratch" | wc -l)" = "$before" ] || say "the server left files: $(ls -A "$scratch")"
grep -qiE 'face|jpeg|png' "$scratch/bad/log" && say "the log tells of pictures: $(cat "$scratch/bad/log")"

# TLS with the user's own certificate; a key of another certificate is refused.
if command -v openssl >/dev/null && command -v curl >/dev/null; then
  for name in own other; do openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -days 2 -keyout "$scratch/$name.key" -out "$scratch/$name.crt" 2>/dev/null; done
  refused 2 'belong together' serve --bundle "$bundle" --listen 127.0.0.1:0 --cert "$scratch/own.crt"
  "$bin" serve --bundle "$bundle" --listen 127.0.0.1:0 --cert "$scratch/own.crt" --key "$scratch/own.key" 2>"$scratch/tls.log" & server=$!
  for _ in $(seq 100); do url=$(grep -oE 'https://127.0.0.1:[0-9]+' "$scratch/tls.log") && break; sleep 0.05; done
  curl -sf --cacert "$scratch/own.crt" "$url/healthz" | json 'd["status"]=="ok"' || say "TLS: $(cat "$scratch/tls.log")"
  curl -sf --cacert "$scratch/other.crt" "$url/healthz" >/dev/null && say "TLS: another certificate is believed"
  kill -TERM "$server"; wait "$server"; code=$?; server=
  [ $code -eq 0 ] || say "serve with TLS ended with $code"
fi
exit $bad
