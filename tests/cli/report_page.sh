#!/usr/bin/env bash
# The page of the stage report on awkward names and numbers: the same bytes each time, nothing that runs or asks outside, everything escaped;
# without gnuplot a sentence and no page. How a browser shows it: tests/browser/report.sh.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
python3=/usr/bin/python3
$python3 -c '' 2>/dev/null || { echo "SKIP report_page: python3 is not installed"; exit 77; }
command -v gnuplot >/dev/null || { echo "SKIP report_page: gnuplot is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
$python3 tests/golden/report_fixture.py "$folder"
inputs=(--in evaluate="$folder/evaluate" --in cascade="$folder/cascade")
for out in one two; do
  "$train" report "${inputs[@]}" --out "$folder/$out" 2>"$folder/log" || { cat "$folder/log"; exit 1; }
done
page=$folder/one/index.html
cmp "$page" "$folder/two/index.html"
! grep -Eq '<script|(src|href)="?https?:' "$page" || { echo "a script or a request in the page"; exit 1; }
for word in 'From a face to songs' '여름' 'item_knn_bm25' '&lt;script&gt;' '5 &lt; 6 &amp; 7' '115,071'; do
  grep -qF "$word" "$page" || { echo "the page does not say: $word"; exit 1; }
done
shipped=$($python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["als"]["test"]["shipped"])' "$folder/evaluate/metrics.json")
grep -q 'best comparator, [a-z]' "$page" || { echo "the summary names no comparator"; exit 1; }
! grep -q "best comparator, $shipped:" "$page" || { echo "what ships is compared with itself"; exit 1; }
! grep -q '‘’' "$page" || { echo "a playlist without a title has an empty one in the page"; exit 1; }
[ "$(grep -o '<svg' "$page" | wc -l)" = 5 ] || { echo "not five plots"; exit 1; }

# gnuplot absent: a sentence with the package, no page.
mkdir "$folder/bin"
status=0
PATH=$folder/bin "$train" report "${inputs[@]}" --out "$folder/none" 2>"$folder/log" || status=$?
[ "$status" = 3 ] && grep -q gnuplot-nox "$folder/log" || { echo "without gnuplot: status $status"; cat "$folder/log"; exit 1; }
[ ! -e "$folder/none/index.html" ]
