#!/usr/bin/env bash
# Two ranks of one thread each beside one process of two threads, stage by stage, by turns on the same input; the ratio is of wall time.
# bench_mpi.sh BINDIR; ROUNDS (5), STAGES, MPI (mpich), PEOPLE (40), PLAYLISTS (20000). Then one run each of 1 thread and of 4 ranks.
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
  [ -e "$work/$1/done" ] || quietly "$one" "$@" --out "$work/$1"
}
prepare sample --set sample.people="${PEOPLE:-40}" --set sample.pictures=10 --set sample.backgrounds=60 --set sample.playlists="${PLAYLISTS:-20000}" \
  --set sample.songs=10000
prepare faces --set faces.input="$work/sample/faces.zip"
prepare playlists --set playlists.input="$work/sample/playlists.json"
cascade="--in faces=$work/faces --set cascade.backgrounds=$work/sample/backgrounds.zip --set cascade.num_pos=200 --set cascade.num_neg=400 --set cascade.stages=3"
# The photographs where they are there, else drawn faces.
real=${MOODCAST_DATA:-}/faces/kface_layout_real.zip; [ -e "$real" ] || real=$work/sample/faces.zip
faces="--set faces.input=$real"
features="--in faces=$work/faces --set preprocess.crop=box,centre --set network.cut=block2_pool"
emotion="--in features=$work/features --set network.cut=block2_pool --set emotion.average_pool=2 --set emotion.epochs=8"
tags="--in playlists=$work/playlists"
als="--in playlists=$work/playlists --set als.iterations=6"
evaluate="--in playlists=$work/playlists --in als=$work/als"
prepare features $features
prepare als $als

# seconds COMMAND…: as the stage's own record says, without the start of the program; the start is told apart below.
seconds() { quietly "$@"; sed -n 's/.*"seconds": *\([0-9.]*\).*/\1/p' "$work/out/done" | head -1; }
run() { # RANKS THREADS STAGE
  rm -rf "$work/out"
  local options=${!3}
  if [ "$1" = 1 ]; then seconds "$one" "$3" $options --out "$work/out" --set run.threads="$2"
  else seconds "mpirun.$mpi" -n "$1" "$many" "$3" $options --out "$work/out" --set run.threads="$2"; fi
}
for stage in ${STAGES:-faces cascade features emotion tags als evaluate}; do
  : >"$work/times"
  for round in $(seq "${ROUNDS:-5}"); do echo "$(run 1 2 "$stage") $(run 2 1 "$stage")" >>"$work/times"; done
  python3 - "$stage" "$work/times" "$(run 1 1 "$stage")" "$(run 4 1 "$stage")" <<'END_PYTHON'
import statistics as s, sys
rows = [[float(x) for x in line.split()] for line in open(sys.argv[2])]
ratio = sorted(r[0] / r[1] for r in rows)
one, two = (s.median(c) for c in zip(*rows))
alone, four = float(sys.argv[3]), float(sys.argv[4])
print(f"{sys.argv[1]:9} 1 process x 2 threads {one:6.2f} s, 2 ranks x 1 thread {two:6.2f} s: ratio {s.median(ratio):.2f} ({ratio[0]:.2f}-{ratio[-1]:.2f}), "
      f"{len(rows)} rounds; 1 thread {alone:.2f} s, 2 ranks {alone / two:.2f} x, 4 ranks on 2 processors {alone / four:.2f} x")
END_PYTHON
done
