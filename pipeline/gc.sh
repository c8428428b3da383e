#!/usr/bin/env bash
# usage: gc.sh OUT [dry]   removes the results that no experiment's plan or link names, and says how much that was.
set -eu
out=$1 dry=${2:-}
declare -A keep=()
for plan in "$out"/*/plan.mk "$out"/*/status.mk; do
  [ -e "$plan" ] || continue
  while read -r stage id; do keep["$stage-$id"]=1; done < <(sed -n 's/^ID_\([a-z0-9_]*\) := /\1 /p' "$plan")
done
for link in "$out"/*/*; do
  [ -L "$link" ] && keep["$(basename "$(readlink "$link")")"]=1
done
count=0 bytes=0
for folder in "$out"/store/*/; do
  folder=${folder%/}; name=$(basename "$folder")
  [ -d "$folder" ] && [ -z "${keep[$name]:-}" ] || continue
  size=$(du -sB1 "$folder" | cut -f1)
  count=$((count + 1)) bytes=$((bytes + size))
  [ -n "$dry" ] && echo "would remove $folder ($((size / 1000000)) MB)" || rm -rf -- "$folder"
done
echo "$count results, $((bytes / 1000000)) MB$([ -n "$dry" ] && echo ' would be' ) freed; what an experiment's last plan names is kept"
