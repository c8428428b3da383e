#!/usr/bin/env bash
# fetch.sh URL FILE BYTES MD5: downloads a file whole or not at all, and only what it should be. Exit 3: could not be had; 4: not it.
set -eu
url=$1 file=$2 bytes=$3 md5=$4
is_it() { [ "$(stat -c %s "$1")" = "$bytes" ] && [ "$(md5sum <"$1" | cut -d' ' -f1)" = "$md5" ]; }
by_hand() {
  echo "On a machine with a network: get $url" >&2
  echo "and copy it to $file ($bytes bytes, md5 $md5); \`make weights\` then checks it. Without it, network.weights = init trains on random filters." >&2
}
if [ -e "$file" ]; then
  is_it "$file" && { echo "$file is there and whole ($bytes bytes, md5 $md5)"; exit 0; }
  echo "error: $file is not the file it should be: $(stat -c %s "$file") bytes, md5 $(md5sum <"$file" | cut -d' ' -f1); wanted $bytes bytes, md5 $md5. Remove it and run again" >&2
  exit 4
fi
mkdir -p "$(dirname "$file")"
trap 'rm -f "$file.part"' EXIT
code=0
meter=-sS; [ ! -t 2 ] || meter=--progress-bar
if command -v curl >/dev/null; then curl -fL $meter --retry 2 --connect-timeout 20 -o "$file.part" "$url" || code=$?
elif command -v wget >/dev/null; then wget -T 20 -t 2 -O "$file.part" "$url" || code=$?
else echo "error: neither curl nor wget is installed" >&2; by_hand; exit 3; fi
[ $code = 0 ] || { echo "error: $url could not be downloaded (exit $code)" >&2; by_hand; exit 3; }
is_it "$file.part" || { echo "error: what came from $url is not the file: $(stat -c %s "$file.part") bytes, md5 $(md5sum <"$file.part" | cut -d' ' -f1)" >&2; by_hand; exit 4; }
mv "$file.part" "$file"
echo "$file: $bytes bytes, md5 $md5"
