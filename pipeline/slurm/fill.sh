#!/usr/bin/env bash
# fill.sh CLUSTER.ini FOLDER STAGE… with EXP, OUT, SET, MPICC in the environment: FOLDER/STAGE.sbatch of each stage out of stage.sbatch, each
# with the nodes and the time that CLUSTER.ini gives it, and FOLDER/submit.sh, which hands them to sbatch, each behind the one before.
set -eu
cluster=$1 folder=$2; shift 2
template=$(dirname "$0")/stage.sbatch
[ -r "$cluster" ] || { echo "error: $cluster: cannot be read" >&2; exit 2; }
# value SECTION KEY: of the section, else of [default].
value() {
  awk -v section="$1" -v key="$2" '/^[#;]/ { next } /^\[/ { in_section = substr($0, 2, index($0, "]") - 2); next }
    $1 == key { sub(/^[^=]*= */, ""); found[in_section] = $0 } END { print section in found ? found[section] : found["default"] }' "$cluster"
}
number() {
  local n; n=$(value "$1" "$2")
  case $n in ''|*[!0-9]*|0) echo "error: $cluster: $2 of $1 is \"$n\", not a number above 0" >&2; exit 2 ;; esac
  echo "$n"
}
escape() { printf '%s' "$1" | sed 's/[&|\\]/\\&/g'; }
mkdir -p "$folder"
# What was there before stays until the last one is written.
part=$folder/.part && rm -rf "$part" && mkdir "$part"
trap 'rm -rf "$part"' EXIT
trap 'echo "error: $folder: not all jobs could be written; what is there is whole, but may be of before" >&2; exit 3' ERR
printf '#!/bin/bash\n# Each stage behind the one before.\nset -eu\nafter=\n' >"$part/submit.sh"
for stage in "$@"; do
  nodes=$(number "$stage" nodes) || exit
  each=$(number "$stage" ranks_per_node) || exit
  threads=$(number "$stage" threads) || exit
  time=$(value "$stage" time) launch=$(value "$stage" launch)
  sed -e "s|@EXP@|$(escape "$EXP")|g; s|@STAGE@|$stage|g; s|@NODES@|$nodes|g; s|@RANKS_PER_NODE@|$each|g; s|@THREADS@|$threads|g" \
    -e "s|@TIME@|$(escape "$time")|g; s|@RANKS@|$((nodes * each))|g; s|@LAUNCH@|$(escape "$launch")|g; s|@MPICC@|$(escape "$MPICC")|g" \
    -e "s|@LOG@|$(escape "$folder/$stage.log")|g; s|@FOLDER@|$(escape "$PWD")|g; s|@OUT@|$(escape "$OUT")|g" \
    -e "s|@SET@|$(escape "${SET:+SET='$SET'}")|g; s|^#SBATCH @DEPENDENCY@|$(escape "$(value "$stage" sbatch | sed 's/^./#SBATCH &/')")|" \
    "$template" >"$part/$stage.sbatch"
  printf 'after=$(sbatch --parsable ${after:+--dependency=afterok:$after} "%s")\n' "$folder/$stage.sbatch" >>"$part/submit.sh"
done
chmod +x "$part/submit.sh"
for stage in "$@"; do mv "$part/$stage.sbatch" "$folder"; done
mv "$part/submit.sh" "$folder"
echo "$folder/submit.sh hands $# stages to Slurm"
