#!/usr/bin/env bash
# `make run EXP=sample MPI=1` on four hosts (network namespaces of this machine) leaves the artefacts of one process. Word2Vec alone is
# averaged over ranks, so its vectors, and the figures and the bundle's part that follow from them, are others; faces.h5 is in shards, which read
# as the one file.
set -eu
cd "$(dirname "$0")/../.."
. tests/support/mpi.sh
case " $mpis " in *" mpich "*) ;; *) echo "SKIP mpi_hosts: its launcher is MPICH's (mpirun.mpich)"; exit 77 ;; esac
scratch=$(mktemp -d)
. tests/support/hosts.sh
trap 'hosts_down; rm -rf "$scratch"' EXIT
hosts_up 4 || { echo "SKIP mpi_hosts: network namespaces are not permitted here"; exit 77; }
. tests/support/small_run.sh
# In each of them there is its own address and no other.
ip netns exec "$hosts_tag-2" ip -o -4 addr show eth0 | grep -q "$hosts_net.2/" || { echo "host 2 has no address"; exit 1; }

same() { (cd "$scratch/out/store" && find . -type f ! -name done ! -name log.jsonl ! -name inputs.tsv ! -name 'faces*.h5' ! -path './tags-*' ! -path './evaluate-*' \
  ! -path './report-*' ! -name recommender.safetensors ! -name bundle.json ! -path './pack-*/metrics.json' | sort | xargs sha256sum); }
files() { (cd "$scratch/out/store" && find . -type f ! -name 'faces.*.h5' | sort); }
job
same >"$scratch/one"; files >"$scratch/files"
cp "$scratch"/out/store/faces-*/faces.h5 "$scratch/faces.h5"
rm -rf "$scratch/out"
build_mpi mpich
make --no-print-directory -s run MPI=1 MPICC=mpicc.mpich RANKS=4 MPIRUN="$hosts_mpirun" EXP=sample OUT="$scratch/out" SET="$small run.threads=1" \
  >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "make run MPI=1 failed"; exit 1; }
same | diff "$scratch/one" - || { echo "four hosts leave other bytes"; exit 1; }
files | diff "$scratch/files" - || { echo "four hosts leave other files"; exit 1; }
/usr/bin/python3 tests/golden/faces_same.py "$scratch/faces.h5" "$scratch"/out/store/faces-*/faces.h5 2 || { echo "faces.h5 reads otherwise"; exit 1; }
for stage in faces cascade features emotion tags als evaluate; do
  grep -q '"ranks": 4' "$scratch"/out/store/$stage-*/done || { echo "$stage was not shared"; exit 1; }
done
[ "$(wc -l <"$scratch/one")" -ge 15 ] || { cat "$scratch/one"; echo "too few artefacts were compared"; exit 1; }
echo "four hosts: $(wc -l <"$scratch/one") artefacts with the same bytes"

# One process makes the shards again.
make --no-print-directory -s verify STAGE=faces EXP=sample OUT="$scratch/out" >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "verify of shards"; exit 1; }
grep -q '^faces .*run again: the same bytes' "$scratch/log" || { cat "$scratch/log"; echo "shards were not made again"; exit 1; }

# Two hosts of two ranks: those of a host have memory in common, and the first of each speak for both.
two=$(echo "$hosts" | cut -d, -f1,2)
two=${two/,/:2,}:2
$hosts_mpirun -n 4 build/mpi.mpich$mpi_mode/tests/test_comm >"$scratch/log" 2>&1 </dev/null || { cat "$scratch/log"; echo "comm on four hosts"; exit 1; }
hosts_four=$hosts_mpirun hosts_mpirun="${hosts_mpirun% -hosts *} -hosts $two"
$hosts_mpirun -n 4 build/mpi.mpich$mpi_mode/tests/test_comm >"$scratch/log" 2>&1 </dev/null || { cat "$scratch/log"; echo "comm on two hosts of two ranks"; exit 1; }
# Playlists and songs for several machines: a group of rows that one of them solves has 512.
train=$MOODCAST_BIN/moodcast-train
{ "$train" sample --out "$scratch/many" --set sample.people=6 --set sample.pictures=3 --set sample.backgrounds=4 --set sample.playlists=4000 --set sample.songs=3000 &&
  "$train" playlists --out "$scratch/lists" --set playlists.input="$scratch/many/playlists.json" &&
  "$train" als --in playlists="$scratch/lists" --set als.factors=24 --set als.iterations=3 --out "$scratch/als.one"; } >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
for launch in "$hosts_four" "$hosts_mpirun"; do
  rm -rf "$scratch/als"
  $launch -n 4 build/mpi.mpich$mpi_mode/bin/moodcast-train als --in playlists="$scratch/lists" --set als.factors=24 --set als.iterations=3 --set run.threads=1 \
    --out "$scratch/als" >"$scratch/log" 2>&1 </dev/null || { cat "$scratch/log"; echo "als on hosts"; exit 1; }
  cmp "$scratch/als/als.npz" "$scratch/als.one/als.npz" || { echo "$launch: another als.npz"; exit 1; }
done
echo "als on four hosts and on two of two ranks: the bytes of one process"
