#!/usr/bin/env bash
# Ranks: base/comm.h on 1 … 4 of them with every MPI that is installed, and how a job ends when one of them fails.
set -eu
cd "$(dirname "$0")/../.."
. tests/support/mpi.sh
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
bad() { echo "$*"; exit 1; }

for mpi in $mpis; do
  build_mpi $mpi
  for n in 1 2 3 4; do
    ranks $mpi $n build/mpi.$mpi$mpi_mode/tests/test_comm >"$scratch/log" 2>&1 || { cat "$scratch/log"; bad "$mpi, $n ranks"; }
    [ "$(grep -c '^\[       OK \]' "$scratch/log")" -eq $((14 * n)) ] || bad "$mpi, $n ranks: not every test was run"
  done
done

# A sentence is told once, with the rank and the exit code of the failure, within 10 s, while the other ranks work or wait.
# fails CODE PART COMMAND…
fails() {
  local code=$1 part=$2 got=0 started=$SECONDS; shift 2
  "$@" >"$scratch/log" 2>&1 || got=$?
  [ $got -eq "$code" ] || { cat "$scratch/log"; bad "exit code $got, not $code"; }
  [ $((SECONDS - started)) -le 10 ] || bad "it took $((SECONDS - started)) s"
  [ "$(grep -c '^error: ' "$scratch/log")" -eq 1 ] || { cat "$scratch/log"; bad "not one sentence"; }
  grep -q "^error: $part" "$scratch/log" || { cat "$scratch/log"; bad "the sentence is not $part"; }
}
for mpi in $mpis; do
  train=$PWD/build/mpi.$mpi$mpi_mode/bin/moodcast-train
  # All fail alike: one of them tells.
  fails 2 'rank [0-2]: als: the results of stage playlists are needed' ranks $mpi 3 "$train" als --out "$scratch/none"
  # The program for one process does not run beside itself.
  ranks $mpi 2 "$MOODCAST_BIN/moodcast-train" als --out "$scratch/none" >"$scratch/log" 2>&1 && bad "it ran twice"
  grep -q 'make MPI=1' "$scratch/log" || { cat "$scratch/log"; bad "no word of MPI=1"; }
done
train=$PWD/build/mpi.${mpis##* }$mpi_mode/bin/moodcast-train mpi=${mpis##* }

"$train" sample --out "$scratch/sample" --set sample.people=6 --set sample.pictures=3 --set sample.backgrounds=4 --set sample.playlists=3000 \
  --set sample.songs=2000 2>/dev/null
"$train" playlists --out "$scratch/playlists" --set playlists.input="$scratch/sample/playlists.json" 2>/dev/null

# A rank that cannot see the input, on a machine of its own as it were.
cat >"$scratch/elsewhere.sh" <<'END'
[ "${PMI_RANK:-${OMPI_COMM_WORLD_RANK:-0}}" -ne 1 ] || { mkdir -p elsewhere; cd elsewhere; }
exec "$@"
END
(cd "$scratch" && fails 3 'rank 1: als: playlists/playlists.h5: ' \
  ranks $mpi 3 bash elsewhere.sh "$train" als --in playlists=playlists --out "$scratch/als") || exit 1
[ ! -e "$scratch/als/done" ] || bad "it is said to be done"
# A song in every playlist: its row is solved in parts, by ranks in turn, and leaves the bytes of one process.
awk 'BEGIN { srand(5); printf "["
  for (p = 1; p <= 12000; p++) printf "%s{\"id\":%d,\"plylst_title\":\"p\",\"tags\":[\"t\"],\"like_cnt\":1,\"updt_date\":\"2020-01-01\",\"songs\":[0,1,%d,%d]}", (p > 1 ? "," : ""),
    p, 2 + int(rand() * 20), 22 + int(rand() * 20)
  print "]" }' >"$scratch/hit.json"
"$train" playlists --out "$scratch/hit" --set playlists.input="$scratch/hit.json" 2>"$scratch/log" || { cat "$scratch/log"; bad "a song in every playlist"; }
for solver in cholesky cg; do
  same="--in playlists=$scratch/hit --set als.solver=$solver --set als.factors=16 --set als.iterations=2"
  "$train" als $same --out "$scratch/hit.one" >"$scratch/log" 2>&1 || { cat "$scratch/log"; bad "als, a long row"; }
  for n in 2 3; do
    ranks $mpi $n "$train" als $same --out "$scratch/hit.$n" >"$scratch/log" 2>&1 || { cat "$scratch/log"; bad "als, a long row, $n ranks"; }
    cmp "$scratch/hit.one/als.npz" "$scratch/hit.$n/als.npz" || bad "$solver: $n ranks solve a long row otherwise"
    rm -r "$scratch/hit.$n"
  done
  rm -r "$scratch/hit.one"
done

# Ranks of one machine that cannot see one another's processes, as in a container each, have no memory in common: the same bytes.
if [[ " $mpis " == *" mpich "* ]] && unshare --fork --pid --mount-proc true 2>/dev/null; then
  train=$PWD/build/mpi.mpich$mpi_mode/bin/moodcast-train apart="unshare --fork --pid --mount-proc"
  ranks mpich 3 $apart build/mpi.mpich$mpi_mode/tests/test_comm >"$scratch/log" 2>&1 || { cat "$scratch/log"; bad "comm on ranks in containers"; }
  ranks mpich 3 $apart "$train" als --in playlists="$scratch/playlists" --out "$scratch/apart" >"$scratch/log" 2>&1 || { cat "$scratch/log"; bad "als in containers"; }
  "$train" als --in playlists="$scratch/playlists" --out "$scratch/one" 2>/dev/null
  cmp "$scratch/one/als.npz" "$scratch/apart/als.npz" || bad "ranks in containers leave another als.npz"
fi
echo "$mpis: comm on 1 … 4 ranks; failures told once"
