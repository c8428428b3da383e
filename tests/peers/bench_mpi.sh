#!/usr/bin/env bash
# Two ranks of one thread each beside one process of two threads, stage by stage, by turns on the same input; the ratio is of wall time.
# bench_mpi.sh BINDIR; ROUNDS (5), ONLY (stages), MPI (mpich), PEOPLE (120), PLAYLISTS (60000), WORK (a folder that keeps the input). Each stage takes
# some five seconds, beside which the start of MPI is small. Then one run each of 1, 2 and 4 ranks of 1 thread, and of 1 thread with half the
# input beside 2 ranks with the whole; SCALING=0 leaves these out, WEAK=0 the last, ROUNDS=0 the first.
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
mpi=${MPI:-mpich}
command -v "mpirun.$mpi" >/dev/null || { echo "SKIP bench_mpi: mpirun.$mpi is not installed"; exit 77; }
. tests/support/mpi.sh
build_mpi "$mpi"
one=$(realpath "$1")/moodcast-train many=$PWD/build/mpi.$mpi/bin/moodcast-train
work=${WORK:-$(mktemp -d)}; [ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
quietly() { "$@" >"$work/log" 2>&1 </dev/null || { cat "$work/log"; exit 1; }; }
prepare() { # STAGE OPTIONS…, once: what the stages read
  [ -e "$work/${into:-$1}/done" ] || quietly "$one" "$@" --out "$work/${into:-$1}"
}
prepare sample --set sample.people="${PEOPLE:-120}" --set sample.pictures=10 --set sample.backgrounds=200 --set sample.playlists="${PLAYLISTS:-60000}" \
  --set sample.songs=30000
prepare faces --set faces.input="$work/sample/faces.zip"
prepare playlists --set playlists.input="$work/sample/playlists.json"
cascade="--in faces=$work/faces --set cascade.backgrounds=$work/sample/backgrounds.zip --set cascade.num_pos=400 --set cascade.num_neg=800 --set cascade.stages=6"
# The photographs where they are there, else drawn faces.
real=${MOODCAST_DATA:-}/faces/kface_layout_real.zip; [ -e "$real" ] || real=$work/sample/faces.zip
faces="--set faces.input=$real"
features="--in faces=$work/faces --set preprocess.crop=box,centre --set network.cut=block2_pool"
emotion="--in features=$work/features --set network.cut=block2_pool --set emotion.average_pool=2 --set emotion.epochs=150 --set emotion.patience=999"
pictures="--set preprocess.crop=box,centre --set preprocess.size=64 --set network.cut=block2_pool --set emotion.trainable=block2"
layers="--in features=$work/inputs $pictures --set emotion.average_pool=4 --set emotion.epochs=3 --set emotion.tune_epochs=2"
tags="--in playlists=$work/playlists --set tags.epochs=100"
als="--in playlists=$work/playlists --set als.iterations=12"
evaluate="--in playlists=$work/playlists --in als=$work/als"
prepare features $features
prepare als $als
into=inputs prepare features --in faces="$work/faces" $pictures
# Options that read half of it: half the people, half the playlists and songs, half the samples.
half() {
  echo "$1" | sed -E "s~=$work/(faces|features|inputs|playlists|als)~=$work/half/\1~g; s/num_pos=400 (.*)num_neg=800/num_pos=200 \1num_neg=400/"
}
if [ "${SCALING:-1}" != 0 ] && [ "${WEAK:-1}" != 0 ]; then
  into=half/faces prepare faces --set faces.input="$work/sample/faces.zip" --set faces.people_share=0.5
  into=half/sample prepare sample --set sample.people=6 --set sample.pictures=3 --set sample.backgrounds=4 --set sample.playlists=$((${PLAYLISTS:-60000} / 2)) \
    --set sample.songs=15000
  into=half/playlists prepare playlists --set playlists.input="$work/half/sample/playlists.json"
  into=half/features prepare features $(half "$features")
  into=half/als prepare als $(half "$als")
  into=half/inputs prepare features --in faces="$work/half/faces" $pictures
fi

# seconds COMMAND…: as the stage's own record says, without the start of the program; the start is told apart below.
seconds() { quietly "$@"; sed -n 's/.*"seconds": *\([0-9.]*\).*/\1/p' "$work/out/done" | head -1; }
run() { # RANKS THREADS STAGE [half]
  rm -rf "$work/out"
  local options=${!3} stage=$3
  [ -z "${4:-}" ] || options=$(half "$options")
  [ "${4:-}$stage" != halffaces ] || options="$options --set faces.people_share=0.5"
  [ "$stage" != layers ] || stage=emotion
  if [ "$1" = 1 ]; then seconds "$one" "$stage" $options --out "$work/out" --set run.threads="$2"
  else seconds "mpirun.$mpi" -n "$1" "$many" "$stage" $options --out "$work/out" --set run.threads="$2"; fi
}
for stage in ${ONLY:-faces cascade features emotion layers tags als evaluate}; do
  : >"$work/times"
  for round in $(seq "${ROUNDS:-5}"); do echo "$(run 1 2 "$stage") $(run 2 1 "$stage")" >>"$work/times"; done
  [ "${SCALING:-1}" = 0 ] || scaling="$(run 1 1 "$stage") $(run 2 1 "$stage") $(run 4 1 "$stage")"
  [ "${SCALING:-1}" = 0 ] || [ "${WEAK:-1}" = 0 ] || scaling="$scaling $(run 1 1 "$stage" half)"
  python3 - "$stage" "$work/times" ${scaling:-} <<'END_PYTHON'
import statistics as s, sys
rows = [[float(x) for x in line.split()] for line in open(sys.argv[2])]
if rows:
    ratio = sorted(r[0] / r[1] for r in rows)
    one, two = (s.median(c) for c in zip(*rows))
    print(f"{sys.argv[1]:9} 1 process x 2 threads {one:6.2f} s, 2 ranks x 1 thread {two:6.2f} s: ratio {s.median(ratio):.2f} "
          f"({ratio[0]:.2f}-{ratio[-1]:.2f}), {len(rows)} rounds")
if len(sys.argv) > 3:
    alone, two, four, *half = map(float, sys.argv[3:])
    print(f"{sys.argv[1]:9} 1 thread {alone:6.2f} s; 2 ranks {two:6.2f} s, {alone / two:.2f} x; 4 ranks on 2 processors {four:6.2f} s, {alone / four:.2f} x")
    for h in half:
        print(f"{sys.argv[1]:9} half the input 1 thread {h:6.2f} s; the whole 2 ranks {two:6.2f} s: efficiency {h / two:.2f}")
END_PYTHON
done
