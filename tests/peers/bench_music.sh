#!/usr/bin/env bash
# Tags, likes and songs against gensim and sgemv. bench_music.sh BINDIR, MOODCAST_DATA with the Melon playlists.
# ROUNDS and EPOCHS shorten it; 42 epochs over the tags are 20 million words.
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
train=$(realpath "$1")/moodcast-train lists=${MOODCAST_DATA:-/nonexistent}/playlists
[ -f "$lists/melon_train_tags.json" ] || { echo "SKIP bench_music: MOODCAST_DATA has no playlists"; exit 77; }
/usr/bin/python3 -c 'import gensim, h5py' 2>/dev/null || { echo "SKIP bench_music: python3-gensim or python3-h5py is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quiet() { "$@" 2>"$work/log" || { cat "$work/log"; exit 1; }; }
quiet "$train" playlists --set playlists.input="$lists/melon_train_tags.json" --set playlists.holdout=0 --out "$work/tags_only"
/usr/bin/python3 tests/peers/bench_music.py "$train" "$work/tags_only" "$work" "${ROUNDS:-5}" "${EPOCHS:-42}"

quiet "$train" playlists --config configs/real.ini --out "$work/playlists"
quiet "$train" als --config configs/real.ini --in playlists="$work/playlists" --out "$work/als"
grep -E 'iteration' "$work/log" | awk '{ print $(NF - 1) }' | sort -n | awk '{ t[NR] = $1 } END { print "als: " t[int((NR + 1) / 2)] " s an iteration (" t[1] "-" t[NR] ")" }'
packages=$(sed -n 's/^PKGS_TRAIN *:= *//p' pipeline/deps.mk)
libraries=$(for l in recsys io num config base; do echo "build/release/lib/lib$l.a"; done)
# shellcheck disable=SC2046,SC2086
${CC:-gcc} -std=c11 -D_GNU_SOURCE -O2 -Isrc tests/peers/bench_search.c $libraries -o "$work/search" -fopenmp \
  $(pkg-config --cflags --libs $packages) -lcsv -lm -lpthread
core=$("$train" version | sed -n 's/.*core \([A-Za-z]*\).*/\1/p')
OPENBLAS_CORETYPE=${core:-Haswell} "$work/search" "$work/als/als.npz"
