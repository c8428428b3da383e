#!/usr/bin/env bash
# `make slurm` writes a job a stage that bash can read, with what configs/cluster.ini and the command line say, and hands them in in order.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
printf '[default]\nnodes = 2\nranks_per_node = 3\nthreads = 5\ntime = 01:30:00\nlaunch = srun --mpi=pmi2\nsbatch = --partition=long\n[als]\nnodes = 7\n' >"$scratch/c.ini"
make --no-print-directory -s slurm EXP=sample CLUSTER="$scratch/c.ini" OUT="$scratch/out" SET="als.factors=8 tags.size=16" >/dev/null
jobs=$scratch/out/sample/slurm
for job in "$jobs"/*.sbatch; do
  bash -n "$job"
  ! grep -q '@[A-Z]' "$job" || { cat "$job"; echo "something was not filled in"; exit 1; }
done
for line in '#SBATCH --nodes=7' '#SBATCH --ntasks-per-node=3' '#SBATCH --cpus-per-task=5' '#SBATCH --time=01:30:00' '#SBATCH --partition=long'; do
  grep -qxF -- "$line" "$jobs/als.sbatch" || { cat "$jobs/als.sbatch"; echo "als.sbatch does not say $line"; exit 1; }
done
grep -q "^exec make stage-als EXP='sample' .*SET='als.factors=8 tags.size=16' MPI=1 .* RANKS=21 MPIRUN='srun --mpi=pmi2'" "$jobs/als.sbatch"
grep -qx '#SBATCH --nodes=2' "$jobs/tags.sbatch"
# With a Slurm that only notes what it is told: eleven jobs, each behind the one before.
printf '#!/bin/sh\necho "$@" >>"%s/told"; wc -l <"%s/told"\n' "$scratch" "$scratch" >"$scratch/sbatch" && chmod +x "$scratch/sbatch"
PATH=$scratch:$PATH "$jobs/submit.sh"
[ "$(wc -l <"$scratch/told")" -eq 11 ] && [ "$(grep -c 'afterok:' "$scratch/told")" -eq 10 ]
sed -n 3p "$scratch/told" | grep -q -- '--dependency=afterok:2 .*/cascade.sbatch'
# A number that is none.
sed -i 's/^nodes = 7/nodes = many/' "$scratch/c.ini"
if make --no-print-directory -s slurm EXP=sample CLUSTER="$scratch/c.ini" OUT="$scratch/out" >"$scratch/log" 2>&1; then exit 1; fi
grep -q 'nodes of als is "many"' "$scratch/log"
[ ! -e "$jobs/.part" ]
# No room for a byte, for more than 1 KiB a file: a sentence, status 3, and what was there before.
sed -i 's/^nodes = many/nodes = 8/' "$scratch/c.ini"
stages=$(cd "$jobs" && ls *.sbatch | sed 's/\.sbatch//')
fill() { said=$(trap '' XFSZ; ulimit -f "$1"; export EXP=sample OUT="$scratch/out" SET= MPICC=mpicc; pipeline/slurm/fill.sh "$scratch/c.ini" "$jobs" $stages 2>&1); }
cp -r "$jobs" "$scratch/old"
fill unlimited && cp -r "$jobs" "$scratch/new"
! diff -rq "$scratch/old" "$scratch/new" >"$scratch/log" || { echo "the second filling made nothing new"; exit 1; }
for room in 0 1; do
  rm -rf "$jobs" && cp -r "$scratch/old" "$jobs"
  code=0; fill $room || code=$?
  [ $code -eq 3 ] && grep -q '^error: .*not all jobs could be written' <<<"$said" || { echo "$said"; echo "room for $room KiB: status $code"; exit 1; }
  diff -r "$scratch/old" "$jobs" || { echo "room for $room KiB: other files than before"; exit 1; }
done
