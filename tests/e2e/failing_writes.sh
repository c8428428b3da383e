#!/usr/bin/env bash
# Each writer with a disk that fails at its first write, fsync or rename, at the second, … at the last (tests/support/preload/failing_writes.c): a sentence
# and status 3, no file under a name that promises a whole one but with its right bytes, and the next run ends with the bytes of one that nothing disturbed.
# Of more than STEPS (20) writes so many are tried, the first and the last among them.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
bin=$(realpath "${MOODCAST_BIN:-build/bin}")
ldd "$bin/moodcast-train" | grep -qE 'lib[at]san' && { echo "SKIP failing_writes: LD_PRELOAD and sanitizers exclude each other"; exit 77; }
gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$scratch/shim.so" tests/support/preload/failing_writes.c -ldl
tried=0 try=$scratch/try calm=$scratch/calm
small="run.checkpoint_seconds=0 sample.people=6 sample.pictures=3 sample.width=96 sample.height=80 sample.backgrounds=4 sample.playlists=60 sample.songs=100
  faces.input=@sample/faces.zip faces.layout=kface faces.frame_width=96 faces.frame_height=80 faces.validation=0.2 faces.test=0.3
  cascade.backgrounds=@sample/backgrounds.zip cascade.window_width=12 cascade.window_height=12 cascade.num_pos=20 cascade.num_neg=20 cascade.stages=2
  cascade.max_weak_count=3 cascade.copies=1 cascade.min_hit_rate=0.9 preprocess.size=32 preprocess.detect_scale=1.5 network.cut=block1_pool
  emotion.average_pool=16 emotion.epochs=3 emotion.batch=8 emotion.checkpoint_steps=1 playlists.input=@sample/playlists.json playlists.matrix_market=yes
  playlists.song_meta=@sample/song_meta.json tags.size=4 tags.epochs=1 als.factors=4 als.iterations=2 evaluate.bootstrap=10 evaluate.leaks=ignore"
words=(); for word in $small; do words+=(--set "$word"); done
sums_of() { (cd "$1" && find . -type f ! -name done ! -name log.jsonl ! -name metrics.json | sort | xargs -r sha256sum); }

# The disk's fault, or none, and a command.
printed=$scratch/printed
with() {
  local fault=$1; shift
  mkdir -p "$try"
  (cd "$scratch" && env FAIL="$fault" FAIL_UNDER="$try" FAIL_COUNT="$scratch/count" LD_PRELOAD="$scratch/shim.so" OPENBLAS_CORETYPE="${OPENBLAS_CORETYPE:-}" \
    "$@" >"$printed" 2>"$scratch/log")
}
fail() { tail -n 5 "$scratch/log"; echo "$*"; exit 1; }
# NAME and its command, which finds what lies in $scratch/before.
walk() {
  local name=$1 most kind n last step steps code; shift
  begin() { rm -rf "$try"; cp -r "$scratch/before" "$try"; }
  begin
  with none "$@" || fail "$name: failed undisturbed"
  sums_of "$try" >"$scratch/whole"
  sums_of "$scratch/before" >"$scratch/old"
  rm -rf "$calm/$name" && mv "$try" "$calm/$name"
  read -r writes syncs renames <"$scratch/count"
  [ "$writes" -gt 0 ] || fail "$name: the shim saw no write"
  for kind in write:$writes fsync:$syncs rename:$renames; do
    most=${kind#*:} kind=${kind%:*} last=0 steps=${STEPS:-20}
    [ $kind = write ] && [ "$most" -gt "$steps" ] || steps=$most
    for step in $(seq 0 $((steps - 1))); do
      n=$((1 + step * (most - 1) / (steps > 1 ? steps - 1 : 1)))
      [ $n -ne $last ] || continue
      last=$n tried=$((tried + 1))
      begin
      code=0; with $kind:$n "$@" || code=$?
      [ $code -eq 3 ] && grep -q '^error: ' "$scratch/log" || fail "$name: $kind $n of $most: exit $code"
      [ ! -e "$try/done" ] || fail "$name: done after a failed $kind $n of $most"
      sums_of "$try" | grep -vE '(\.part|\.part\.fold[0-9]+|\.jsonl|checkpoint|/printed)$' | grep -vxFf "$scratch/whole" -f "$scratch/old" && fail "$name: half-written after $kind $n of $most"
      # Its times differ, so it is in no sum.
      [ ! -e "$try/metrics.json" ] || /usr/bin/python3 -m json.tool "$try/metrics.json" >"$scratch/json" || fail "$name: half a metrics.json after $kind $n of $most"
      with none "$@" || fail "$name: no run after a failed $kind $n of $most"
      sums_of "$try" | diff "$scratch/whole" - || fail "$name: other bytes after a failed $kind $n of $most"
    done
  done
}

mkdir "$calm" "$scratch/before"
in=(); for up in sample faces cascade features emotion playlists tags als evaluate report pack; do in+=(--in "$up=$calm/$up"); done
stage() { local name=$1; shift; walk "$name" "$bin/moodcast-train" "${name%-*}" "${words[@]}" "$@" "${in[@]}" --out "$try"; }
for name in sample faces cascade features emotion playlists tags als evaluate report pack; do stage $name; done
# The layers below the head, cross-validation, a signature, songs that came later.
calm_features=$calm/features && mv "$calm_features" "$calm/kept"
"$bin/moodcast-train" features "${words[@]}" "${in[@]}" --set emotion.trainable=all --out "$calm_features" 2>"$scratch/log" || fail "features of layers: failed undisturbed"
stage emotion-layers --set emotion.trainable=all --set emotion.tune_epochs=1
rm -rf "$calm_features" && mv "$calm/kept" "$calm_features"
stage emotion-folds --set emotion.folds=2 --set emotion.hidden=3
# The first key of RFC 8032, 7.1.
printf -- '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n' >"$scratch/key.pem"
stage pack-signed --set pack.sign_key="$scratch/key.pem" --set pack.new_songs=@sample/playlists.json

# Commands that write a file, or print what a caller may have sent into one.
train=$bin/moodcast-train run=$bin/moodcast
walk draw "$train" cascade --draw "$try/features.png" --in "cascade=$calm/cascade"
{ printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 32, 32, 3), }"; head -c 12288 /dev/zero; } >"$scratch/in.npy"
walk network "$train" network --forward "$scratch/in.npy" --cut block1_pool --size 32 --out "$try/out.npy"
echo "[playlists]" >"$scratch/plan.ini"
walk plan "$train" plan --config "$scratch/plan.ini" "${words[@]}" --store "$try" --out "$try/plan.mk" sample playlists tags:playlists als:playlists
walk config bash -c 'exec "$1" config >"$2/printed"' - "$train" "$try"
walk settings bash -c 'exec "$1" config --reference >"$2/printed"' - "$train" "$try"
walk describe bash -c 'exec "$1" faces --describe --in "faces=$3" >"$2/printed"' - "$train" "$try" "$calm/faces"
walk nearest bash -c 'exec "$1" tags --nearest 여름 --in "tags=$3" >"$2/printed"' - "$train" "$try" "$calm/tags"
echo 1 >"$scratch/before/history"
walk history "$run" recommend --bundle "$calm/pack/bundle" --label positive -n 3 --history "$try/history"
rm "$scratch/before/history"
walk annotate "$run" analyze --bundle "$calm/pack/bundle" --annotate "$try/drawn.png" "$calm/cascade/mean_face.png"
walk info bash -c 'exec "$1" info --bundle "$3" >"$2/printed"' - "$run" "$try" "$calm/pack/bundle"
walk arena "$train" arena "$calm/sample/playlists.json" --in "playlists=$calm/playlists" --in "als=$calm/als" --out "$try/results.json"
cp -r "$calm/als" "$calm/report" "$scratch/before"
echo '{"stages":{"als":{"id":"a"}}}' >"$scratch/before/run.json"
walk summary "$train" summary --in "evaluate=$calm/evaluate" --exp small --out "$try"
echo "$tried faults"
