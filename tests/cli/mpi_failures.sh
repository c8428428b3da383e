#!/usr/bin/env bash
# Ranks that fail: each long stage killed (SIGKILL) on rank 1 of 2, then on rank 0 of 3, in the middle, goes on from its checkpoint each time and
# ends on one rank with the result of a run that nobody disturbed; the same after a disk that is full for one rank alone; and an input that one
# rank cannot see. The job ends by itself, with a sentence, and is not said to be done. Two MPIs take turns where both are there.
set -eu
cd "$(dirname "$0")/../.."
. tests/support/mpi.sh
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
bad() { echo "$*"; tail -n 30 "$scratch/log"; exit 1; }
quietly() { "$@" >"$scratch/log" 2>&1 </dev/null || bad "failed: $*"; }
read -r first second <<<"$mpis"; second=${second:-$first}
for mpi in $mpis; do
  build_mpi "$mpi"
  "mpicc.$mpi" -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$scratch/killed.$mpi.so" tests/support/preload/killed_rank.c -ldl
done
gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$scratch/full.so" tests/support/preload/failing_writes.c -ldl

train=$PWD/build/mpi.$first$mpi_mode/bin/moodcast-train
quietly "$train" sample --out "$scratch/sample" --set sample.people=16 --set sample.pictures=9 --set sample.backgrounds=12 --set sample.playlists=1500 \
  --set sample.songs=1000
quietly "$train" faces --out "$scratch/faces" --set faces.input="$scratch/sample/faces.zip"
quietly "$train" playlists --out "$scratch/playlists" --set playlists.input="$scratch/sample/playlists.json"
picture=(--set preprocess.crop=centre --set preprocess.size=32 --set network.cut=block2_pool --set network.weights=init --set network.batch=8)
quietly "$train" features --in faces="$scratch/faces" --out "$scratch/inputs" "${picture[@]}" --set emotion.trainable=block2

# What a stage reads and how it is set, the file it goes on from, and what it says when it does.
features=(--in faces=faces "${picture[@]}" --set augment.copies=6 --set augment.flip=0.5 --set run.checkpoint_seconds=0)
cascade=(--in faces=faces --set cascade.backgrounds=sample/backgrounds.zip --set cascade.num_pos=50 --set cascade.num_neg=80 --set cascade.stages=4)
# 8192 features are 8 blocks, which the ranks share.
emotion=(--in features=features "${picture[@]}" --set emotion.average_pool=1 --set emotion.epochs=30 --set emotion.patience=99 --set emotion.checkpoint_steps=5)
layers=(--in features=inputs "${picture[@]}" --set emotion.trainable=block2 --set emotion.average_pool=4 --set emotion.epochs=5 --set emotion.tune_batch=16
  --set emotion.tune_epochs=4 --set emotion.tune_rate=0.0003 --set emotion.patience=99 --set emotion.checkpoint_steps=2)
als=(--in playlists=playlists --set als.iterations=24 --set als.factors=48 --set run.checkpoint_seconds=0)
declare -A kept=([features]=features.f32.part [cascade]=checkpoint [emotion]=head.part [layers]=tuning.part [als]=als.checkpoint)
declare -A resumes=([features]='goes on at picture' [cascade]='resumed after' [emotion]='goes on at epoch' [layers]='of the fine-tuning' [als]='going on after')
declare -A result=([features]=features.h5 [cascade]=cascade.xml [emotion]=emotion.h5 [layers]=history.jsonl [als]=als.npz)
stage_of() { [ "$1" = layers ] && echo emotion || echo "$1"; }

# Only the rank ONLY_RANK gets what ONLY says; ELSEWHERE sends it to an empty folder.
cat >"$scratch/only.sh" <<'END'
if [ "${PMI_RANK:-${OMPI_COMM_WORLD_RANK:-0}}" = "${ONLY_RANK:-none}" ]; then
  [ -z "${ONLY_ELSEWHERE:-}" ] || { mkdir -p elsewhere; cd elsewhere; }
  export LD_PRELOAD=${ONLY_PRELOAD:-}
fi
exec "$@"
END
# run NAME OUT MPI RANKS [VARIABLE=VALUE]…: its words in $scratch/log, its status in $code, its seconds in $took.
run() {
  local name=$1 out=$2 mpi=$3 n=$4 from; shift 4
  local -n options=$name
  from=$SECONDS code=0
  (cd "$scratch" && export "$@" A= && ranks "$mpi" "$n" bash only.sh "$OLDPWD/build/mpi.$mpi$mpi_mode/bin/moodcast-train" "$(stage_of "$name")" "${options[@]}" \
    --set run.threads=1 --out "$out") >"$scratch/log" 2>&1 || code=$?
  took=$((SECONDS - from))
}
# The job has ended by itself, with another status than 0, a sentence that matches, and nothing said to be done.
ended() {
  [ "$code" -ne 0 ] && [ "$code" -ne 124 ] || bad "$1: status $code"
  grep -qE "$2" "$scratch/log" || bad "$1: no sentence like $2"
  [ ! -e "$scratch/$out/done" ] || bad "$1: it is said to be done"
}

for name in features cascade emotion layers als; do
  run $name "$name" "$first" 1
  [ $code -eq 0 ] || bad "$name: failed undisturbed"
  out=$name.killed mpi=$first
  for victim in "2 1" "3 0"; do
    read -r n rank <<<"$victim"
    run $name "$out" $mpi "$n" ONLY_RANK="$rank" ONLY_PRELOAD="$scratch/killed.$mpi.so" KILL_FILE="$scratch/$out/${kept[$name]}" \
      KILL="$([ $name = features ] && echo row:30 || echo wait)"
    ended "$name, rank $rank of $n killed under $mpi" '(KILLED BY SIGNAL: 9|exited on signal 9|EXIT CODE: 9)'
    # A launcher may lose the last words of a killed rank; the stage's log does not.
    [ "$n" = 2 ] || grep -q "${resumes[$name]}" "$scratch/$out/log.jsonl" || bad "$name: did not go on on 3 ranks"
    echo "$name: rank $rank of $n killed under $mpi: status $code, $took s in all"
    mpi=$second
  done
  run $name "$out" "$first" 1
  [ $code -eq 0 ] || bad "$name: did not end on one rank"
  grep -q "${resumes[$name]}" "$scratch/log" || bad "$name: did not go on on one rank"
  [ -z "$(find "$scratch/$out" -name '*.part*' -o -name '*checkpoint*')" ] || bad "$name: a checkpoint is left"
  if [ $name = layers ]; then # other roundings
    /usr/bin/python3 - "$scratch/$name" "$scratch/$out" <<'END'
import json, sys
one, other = ([json.loads(line) for line in open(folder + "/history.jsonl")] for folder in sys.argv[1:])
assert len(one) == len(other) > 5, (len(one), len(other))
worst = max(abs(a[key] - b[key]) / max(1, abs(a[key])) for a, b in zip(one, other) for key in a if key.endswith("_loss") and a[key] is not None)
print(f"layers: {len(one)} epochs, largest difference of a loss {worst:.1e}")
assert worst < 1e-4, worst
END
  else
    cmp "$scratch/$name/${result[$name]}" "$scratch/$out/${result[$name]}" || bad "$name: other bytes"
  fi
done

# A disk that is full for one rank: its own sentence, once; with room again the next start ends with the same bytes.
for fault in "features 1 pwritev" "als 0 stream" "emotion 0 stream"; do
  read -r name rank _ <<<"$fault"
  out=$name.full
  run $name "$out" "$second" 2 ONLY_RANK="$rank" ONLY_PRELOAD="$scratch/full.so" FAIL=write:9 FAIL_UNDER="$scratch/$out"
  ended "$name, no room on rank $rank" "^error: rank $rank: .*No space left"
  [ $code -eq 3 ] && [ "$(grep -c '^error: ' "$scratch/log")" -eq 1 ] || bad "$name, no room on rank $rank: status $code"
  run $name "$out" "$second" 3
  [ $code -eq 0 ] || bad "$name: did not go on with room again"
  cmp "$scratch/$name/${result[$name]}" "$scratch/$out/${result[$name]}" || bad "$name: other bytes after a full disk"
  echo "$name: no room on rank $rank of 2"
done

# An input that one rank cannot see.
for name in features cascade emotion als; do
  out=$name.hidden
  run $name "$scratch/$out" "$first" 2 ONLY_RANK=1 ONLY_ELSEWHERE=1
  ended "$name, input hidden" '^error: rank 1: '
  [ $code -eq 3 ] && [ "$(grep -c '^error: ' "$scratch/log")" -eq 1 ] || bad "$name, input hidden: status $code"
done
