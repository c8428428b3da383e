#!/usr/bin/env bash
# `make weights`: what comes is kept only when size and checksum agree; without a network it says what to do.
set -eu
cd "$(dirname "$0")/../.."
command -v curl >/dev/null || { echo "SKIP weights: curl is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
head -c 5000 /dev/zero >"$scratch/source.h5"
md5=$(md5sum <"$scratch/source.h5" | cut -d' ' -f1)
fetch() { local want=$1 code=0; shift; pipeline/fetch.sh "$@" >"$scratch/log" 2>&1 || code=$?; [ $code = "$want" ] || { echo "exit $code, expected $want:"; cat "$scratch/log"; exit 1; }; }
fetch 0 "file://$scratch/source.h5" "$scratch/w/vgg.h5" 5000 "$md5"
cmp "$scratch/source.h5" "$scratch/w/vgg.h5"
fetch 0 "file://$scratch/gone.h5" "$scratch/w/vgg.h5" 5000 "$md5" # there already: not asked for again
grep -q 'is there and whole' "$scratch/log"
fetch 4 "file://$scratch/source.h5" "$scratch/w/vgg.h5" 5000 "${md5/[0-9a-f]/x}"
fetch 4 "file://$scratch/source.h5" "$scratch/w/other.h5" 4999 "$md5"
[ ! -e "$scratch/w/other.h5" ] && [ ! -e "$scratch/w/other.h5.part" ] || { echo "a wrong file was left"; exit 1; }
fetch 3 "file://$scratch/gone.h5" "$scratch/w/third.h5" 5000 "$md5"
grep -q 'On a machine with a network' "$scratch/log"
[ ! -e "$scratch/w/third.h5" ] || { echo "a file was left"; exit 1; }
make -n weights | grep -q '58889256 6d6bbae143d832006294945121d1f1fc'
