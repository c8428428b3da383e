#!/usr/bin/env bash
# `moodcast recommend` over 100,000 drawn playlists x 600,000 songs x 128 factors against the same chain with sgemv over every song: many answers
# of one process, and the whole command by the clock. bench_recommend.sh BINDIR; BUNDLE=DIR takes the bundle of an earlier run, or keeps this one's.
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
bin=$(realpath "$1") python=/usr/bin/python3
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
stage() { local name=$1; shift; "$bin/moodcast-train" "$name" --out "$work/$name" "$@" 2>"$work/log" || { cat "$work/log"; exit 1; }; }
if [ ! -d "${BUNDLE:-}" ]; then
  # Faces from a small run, music from a large one.
  MOODCAST_BIN=$bin scratch=$work/small; mkdir "$scratch"; . tests/support/small_run.sh; job
  small_out=$(dirname "$(find "$scratch/out" -name run.json | head -1)")
  stage sample --set sample.playlists=100000 --set sample.songs=1000000 --set sample.people=6 --set sample.pictures=3 --set sample.backgrounds=4
  stage playlists --set playlists.input="$work/sample/playlists.json" --set playlists.song_meta="$work/sample/song_meta.json" --set playlists.holdout=0
  lists=(--in playlists="$work/playlists")
  stage tags "${lists[@]}"
  stage als "${lists[@]}" --set als.factors=128 --set als.iterations=8
  for name in cascade features emotion evaluate; do lists+=(--in "$name=$small_out/$name"); done
  stage pack --config configs/sample.ini "${lists[@]}" --in tags="$work/tags" --in als="$work/als" --set network.cut=block1_pool \
    --set emotion.average_pool=15 --set als.factors=128
  [ -z "${BUNDLE:-}" ] || cp -r "$work/pack/bundle" "$BUNDLE"
  BUNDLE=${BUNDLE:-$work/pack/bundle}
fi
make --no-print-directory -s build/release/peers/bench_recommend
core=$("$bin/moodcast-train" version | sed -n 's/.*core \([A-Za-z]*\).*/\1/p')
export OPENBLAS_CORETYPE=${core:-Haswell} OPENBLAS_NUM_THREADS=1
build/release/peers/bench_recommend "$BUNDLE"
$python - "$bin/moodcast" build/release/peers/bench_recommend "$BUNDLE" <<'END_PYTHON'
import json, statistics, subprocess, sys, time
own, scan, bundle = sys.argv[1:]

def clock(words):
    started = time.time()
    reply = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    return time.time() - started, [song["id"] for song in reply["songs"]]

rounds = []
for label in ["positive", "neutral", "negative"] * 3:
    fast, songs = clock([own, "recommend", "--bundle", bundle, "--label", label, "-n", "10", "--json"])
    slow, others = clock([scan, bundle, label])
    assert songs == others, (songs, others)
    rounds.append((fast, slow, slow / fast))
fast, slow, ratio = (sorted(column) for column in zip(*rounds))
print(f"the command, start to end: {1e3 * fast[4]:.0f} ms, with sgemv and selection {1e3 * slow[4]:.0f} ms, ratio {ratio[4]:.1f} "
      f"({ratio[0]:.1f}-{ratio[-1]:.1f}), {len(rounds)} rounds, same songs")
END_PYTHON
