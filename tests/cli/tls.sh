#!/usr/bin/env bash
# TLS 1.2 and 1.3 and nothing older: `openssl s_client` tries each version, and first shows on a server of its own that it could speak it. And the same
# answers on sockets that take and give one byte at a time.
set -u
cd "$(dirname "$0")/../.." || exit 3
bin=${MOODCAST_BIN:-build/bin}/moodcast
for maker in "${MOODCAST_BIN:-build/bin}"/../tests/test_bundle "${MOODCAST_BIN:-build/bin}"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP tls: the unit tests are not built"; exit 77; }
command -v openssl >/dev/null || { echo "SKIP tls: openssl is not installed"; exit 77; }
scratch=$(mktemp -d) && trap '[ -z "${server:-}" ] || kill "$server" 2>/dev/null; [ -z "${peer:-}" ] || kill "$peer" 2>/dev/null; rm -rf "$scratch"' EXIT
bad=0
say() { echo "$*"; bad=1; }
mkdir "$scratch/bundle" && "$maker" --write "$scratch/bundle" >/dev/null 2>&1 || exit 1
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 -keyout "$scratch/key" -out "$scratch/crt" 2>/dev/null
# Old versions need signatures that OpenSSL's usual level of security forbids.
weak="-cipher DEFAULT@SECLEVEL=0"
speaks() { timeout 20 openssl s_client -connect "$1" "-$2" $weak </dev/null 2>/dev/null | grep 'Cipher is ' | grep -qv '(NONE)'; }

start() { # LOG [PRELOAD]
  LD_PRELOAD=${2:-} "$bin" serve --bundle "$scratch/bundle" --listen 127.0.0.1:0 --cert "$scratch/crt" --key "$scratch/key" 2>"$1" & server=$!
  for _ in $(seq 200); do own=$(grep -soE '127.0.0.1:[0-9]+' "$1") && break; sleep 0.05; done
}
finish() {
  kill -TERM "$server"; wait "$server"; code=$?; server=
  [ $code -eq 0 ] || say "serve ended with $code"
}
answers() { # FOLDER
  mkdir "$1"
  local path
  for path in /app.js /style.css "/api/recommend?label=positive&n=2" /api/info /api/context; do
    curl -skf --max-time 60 "https://$own$path" -o "$1/$(echo "$path" | tr -c 'a-z\n' _)" || say "no answer to $path"
  done
  curl -sk --max-time 60 --data-binary "@$scratch/picture" -H 'Content-Type: image/jpeg' -o "$1/refused" "https://$own/api/analyze"
}

short=0
start "$scratch/log"
port=$(( ${own##*:} == 65535 ? 65534 : ${own##*:} + 1 ))
openssl s_server -accept "127.0.0.1:$port" -cert "$scratch/crt" -key "$scratch/key" $weak -quiet >/dev/null 2>&1 & peer=$!
for _ in $(seq 100); do speaks "127.0.0.1:$port" tls1_2 && break; sleep 0.05; done
tried=0
for version in tls1 tls1_1; do
  speaks "127.0.0.1:$port" $version || { echo "this openssl speaks no $version itself"; continue; }
  tried=$((tried + 1))
  speaks "$own" $version && say "$version is taken"
done
for version in tls1_2 tls1_3; do speaks "$own" $version || say "$version is refused: $(cat "$scratch/log")"; done
head -c 300000 /dev/urandom >"$scratch/picture"
if command -v curl >/dev/null && ! ldd "$bin" | grep -qE 'lib[at]san'; then
  answers "$scratch/calm"
  finish
  gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$scratch/sockets.so" tests/support/preload/odd_sockets.c -ldl || exit 1
  start "$scratch/odd" "$scratch/sockets.so"
  answers "$scratch/short"
  diff -r "$scratch/calm" "$scratch/short" || say "other answers on short sockets"
  finish
  bent=$(sed -n 's/^odd //p' "$scratch/odd")
  [ "${bent:-0}" -gt 10000 ] || say "only ${bent:-0} calls of sockets were bent"
  short=1
else
  finish
fi
[ $bad -ne 0 ] || [ $tried -gt 0 ] || { echo "SKIP tls: this openssl can speak nothing older than TLS 1.2"; exit 77; }
[ $bad -ne 0 ] || [ $short = 1 ] || { echo "SKIP tls on short sockets: curl is not installed, or a sanitizer excludes LD_PRELOAD"; exit 77; }
exit $bad
