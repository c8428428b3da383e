#!/usr/bin/env bash
# The stage features: its rows are what the network alone gives, on any number of threads, also after an interruption.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3 judge=tests/golden/features_check.py
$python -c 'import h5py' 2>/dev/null || { echo "SKIP features: python3-h5py is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
"$train" sample --out "$scratch/sample" --set sample.people=6 --set sample.pictures=9 --set sample.backgrounds=4 --set sample.playlists=50
"$train" faces --out "$scratch/faces" --in sample="$scratch/sample" --set faces.input=@sample/faces.zip \
  --set faces.frame_width=346 --set faces.frame_height=230
faces=$scratch/faces/faces.h5
features() { local out=$1; shift; "$train" features --in faces="$scratch/faces" --out "$scratch/$out" --set network.cut=block2_pool "$@"; }
same() { cmp "$scratch/$1/features.h5" "$scratch/$2/features.h5"; }

# A central square of the network's size, 0.4 of the pictures' 230 lines, is copied pixel by pixel: so another program can
# make the tensor.
square=(--set preprocess.crop=centre --set preprocess.margin=0 --set preprocess.size=92 --set preprocess.centre=0.4)
features square "${square[@]}" --set run.seed=1 --set run.threads=1
"$python" $judge tensor "$faces" "$scratch/in.npy" 92
"$train" network --forward "$scratch/in.npy" --cut block2_pool --seed 1 --out "$scratch/out.npy"
"$python" $judge equal "$scratch/square/features.h5" "$scratch/out.npy"

# Threads and batches do not change a byte; float16 is the same, rounded.
features threads "${square[@]}" --set run.threads=2 --set network.batch=3
same square threads
features half "${square[@]}" --set network.storage=float16
"$python" $judge close "$scratch/square/features.h5" "$scratch/half/features.h5"

# Every row keeps its own columns; the box is taken where it is known, else the centre.
usual=(--set preprocess.crop=box,centre)
features whole "${usual[@]}"
read -r kept cascade box centre < <("$python" $judge columns "$faces" "$scratch/whole/features.h5")
[ "$cascade" -eq 0 ] && [ "$box" -gt 0 ] && [ "$centre" -gt 0 ] && [ "$kept" -eq $((box + centre)) ]
features boxes --set preprocess.crop=box
read -r kept cascade rest < <("$python" $judge columns "$faces" "$scratch/boxes/features.h5")
[ "$kept" -eq "$box" ]
grep -q "\"dropped\": $centre" "$scratch/boxes/metrics.json"

# Stopped in the middle, killed in the middle, then finished: the same bytes as undisturbed.
interrupt() { # signal, extra settings …
  local signal=$1 code=0 part=$scratch/resumed/features.f32.part before; shift
  before=$(stat -c %Y%s "$part" 2>/dev/null || echo none)
  "$train" features --in faces="$scratch/faces" --out "$scratch/resumed" --set network.cut=block2_pool "${usual[@]}" \
    --set network.batch=1 "$@" 2>>"$scratch/log" & local job=$! # the program itself, not a shell around it
  for _ in $(seq 3000); do
    [ "$(stat -c %Y%s "$part" 2>/dev/null || echo none)" != "$before" ] && [ "$(stat -c %s "$part")" -gt 1000000 ] && break
    sleep 0.01
  done
  kill -"$signal" $job; wait $job || code=$?
  [ ! -e "$scratch/resumed/features.h5" ] || { echo "was through before SIG$signal came"; exit 1; }
  echo $code
}
[ "$(interrupt TERM --set run.threads=1)" = 6 ]
[ "$(interrupt KILL --set run.threads=2)" = 137 ]
features resumed "${usual[@]}" --set run.threads=2 2>>"$scratch/log"
grep -q 'goes on at picture' "$scratch/log"
same whole resumed
[ ! -e "$scratch/resumed/features.f32.part" ]

# A checkpoint of other settings is not mixed in.
[ "$(rm -r "$scratch/resumed"; interrupt TERM)" = 6 ]
features resumed "${square[@]}" 2>>"$scratch/log"
same square resumed

# Bad input: a sentence, the right exit code, nothing left.
refused() { # exit code, words, arguments …
  local want=$1 words=$2 code=0; shift 2
  "$train" features --out "$scratch/refused" "$@" >"$scratch/said" 2>&1 || code=$?
  [ $code -eq "$want" ] && grep -q -- "$words" "$scratch/said" || { echo "features $*: exit $code"; cat "$scratch/said"; exit 1; }
  [ ! -e "$scratch/refused/features.h5" ] && [ ! -e "$scratch/refused/done" ]
}
refused 2 '--in faces=DIR'
refused 2 '--in cascade=DIR' --in faces="$scratch/faces" --set preprocess.crop=cascade
refused 2 'preprocess.mean: "x"' --in faces="$scratch/faces" --set preprocess.crop=box --set preprocess.mean=1,2,x
refused 3 'faces.h5' --in faces="$scratch/sample"
refused 3 'nothing.h5' --in faces="$scratch/faces" --set preprocess.crop=box --set network.weights="$scratch/nothing.h5"
refused 4 'layer_names' --in faces="$scratch/faces" --set preprocess.crop=box --set network.weights="$faces"
mkdir "$scratch/cut" && head -c 200000 "$faces" >"$scratch/cut/faces.h5"
refused 4 'cut/faces.h5' --in faces="$scratch/cut" --set preprocess.crop=box
echo "features: all held"
