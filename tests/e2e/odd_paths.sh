#!/usr/bin/env bash
# The project, its data and its results below folders whose names hold spaces, quotes and Hangul: the same bytes as below plain ones. And folders
# for results that cannot be written: a sentence and status 3 before there is anything half done.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
root=$PWD bin=$(realpath "$MOODCAST_BIN")
run_make run "" TO=sample >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }

# The project in HOUSE with its data in HOUSE/data/FOLDER, run as it stands there; sums of what came out go to standard output.
project() {
  local house=$1 folder=$2 name
  mkdir -p "$house/configs" "$house/data/$folder"
  for name in Makefile pipeline src tests build; do [ ! -e "$root/$name" ] || ln -s "$root/$name" "$house/$name"; done
  cp "$scratch"/out/store/sample-*/* "$house/data/$folder/"
  sed "s|@sample/|data/$folder/|" "$root/configs/sample.ini" >"$house/configs/drawn.ini"
  (cd "$house" && make --no-print-directory -s run MODE=$mode EXP=drawn SET="$small") >"$scratch/log" 2>&1 ||
    { tail -n 20 "$scratch/log" >&2; echo "make run failed in $house" >&2; return 1; }
  (cd "$house/out/store" && find . -type f ! -name done ! -name log.jsonl ! -name inputs.tsv ! -name metrics.json ! -path './report-*' ! -path './evaluate-*' |
    sort | xargs sha256sum | sed -E 's|-[0-9a-f]+/|/|')
}
odd="$scratch/내 집's \"best\" 자료"
project "$scratch/plain" plain >"$scratch/plain.sums"
project "$odd" "얼굴 1's \"a\"" >"$scratch/odd.sums"
[ "$(grep -c . "$scratch/plain.sums")" -ge 15 ] || { cat "$scratch/plain.sums"; echo "too few results"; exit 1; }
diff "$scratch/plain.sums" "$scratch/odd.sums" >"$scratch/differences" || { cat "$scratch/differences"; echo "other bytes on an odd path"; exit 1; }
(cd "$odd" && make --no-print-directory -s verify MODE=$mode EXP=drawn) >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "make verify on an odd path failed"; exit 1; }
"$bin/moodcast" recommend --bundle "$odd/out/drawn/bundle" --verify --label positive -n 3 >"$scratch/songs" || { echo "the bundle on an odd path"; exit 1; }
[ -s "$scratch/songs" ] || { echo "no songs"; exit 1; }

# Root may write anywhere: the rest is asked as somebody else.
as=()
if [ "$(id -u)" = 0 ]; then
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chmod 755 "$scratch"
  "${as[@]}" test -x "$bin/moodcast-train" 2>/dev/null || exit 0
fi
mkdir -p "$scratch/locked/als" && chmod 555 "$scratch/locked" "$scratch/locked/als"
playlists=$(echo "$scratch"/plain/out/store/playlists-*)
for out in als new/als; do
  code=0; "${as[@]}" "$bin/moodcast-train" als --in playlists="$playlists" --out "$scratch/locked/$out" --set als.iterations=1 >"$scratch/log" 2>&1 || code=$?
  [ $code -eq 3 ] && grep -q "^error: .*$scratch/locked/.*Permission denied" "$scratch/log" || { cat "$scratch/log"; echo "$out in a folder that cannot be written: exit $code"; exit 1; }
  [ -z "$(find "$scratch/locked" -type f)" ] || { echo "files in a folder that cannot be written"; exit 1; }
done
