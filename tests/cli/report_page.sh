#!/usr/bin/env bash
# The report as a browser shows it: no sideways scrolling at 400 and 1400 pixels, nothing on the console, nothing asked from outside.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
python3=/usr/bin/python3
$python3 -c '' 2>/dev/null || { echo "SKIP report_page: python3 is not installed"; exit 77; }
command -v gnuplot >/dev/null || { echo "SKIP report_page: gnuplot is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
$python3 tests/golden/report_fixture.py "$folder"
inputs=(--in evaluate="$folder/evaluate" --in emotion="$folder/emotion" --in als="$folder/als" --in cascade="$folder/cascade")
for out in one two; do
  "$train" report "${inputs[@]}" --out "$folder/$out" 2>"$folder/log" || { cat "$folder/log"; exit 1; }
done
page=$folder/one/index.html
cmp "$page" "$folder/two/index.html"
! grep -Eq '<script|(src|href)="?https?:' "$page" || { echo "a script or a request in the page"; exit 1; }
for word in 'From a face to songs' '여름' 'item_knn_bm25' '&lt;script&gt;' '5 &lt; 6 &amp; 7' '115,071'; do
  grep -qF "$word" "$page" || { echo "the page does not say: $word"; exit 1; }
done
[ "$(grep -o '<svg' "$page" | wc -l)" = 5 ] || { echo "not five plots"; exit 1; }

# gnuplot absent: a sentence with the package, no page.
mkdir "$folder/bin"
status=0
PATH=$folder/bin "$train" report "${inputs[@]}" --out "$folder/none" 2>"$folder/log" || status=$?
[ "$status" = 3 ] && grep -q gnuplot-nox "$folder/log" || { echo "without gnuplot: status $status"; cat "$folder/log"; exit 1; }
[ ! -e "$folder/none/index.html" ]

browser=$(command -v chromium || command -v chromium-browser || true)
[ -n "$browser" ] || { echo "SKIP report_page browser: chromium is not installed"; exit 77; }
# A copy that may run one script tells its own width.
sed -e 's/<meta http-equiv="Content-Security-Policy"[^>]*>//' \
  -e 's#</body>#<script>document.title="width "+document.documentElement.scrollWidth+" of "+innerWidth+" texts "+document.querySelectorAll("svg text").length</script></body>#' \
  "$page" >"$folder/probe.html"
show() { "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$folder/profile" --window-size="$1",2000 "${@:2}" 2>"$folder/console"; }
for width in 400 1400; do
  show $width --hide-scrollbars --dump-dom "file://$folder/probe.html" >"$folder/dom"
  said=$(grep -o '<title>width [^<]*' "$folder/dom" | cut -c 8-)
  read -r _ wide _ inner _ texts <<<"$said"
  [ "$wide" -le "$inner" ] || { echo "at $width pixels the page is $wide wide"; exit 1; }
  [ "$texts" -ge 40 ] || { echo "only $texts labels in the plots"; exit 1; }
  show $width --enable-logging=stderr --screenshot="$folder/$width.png" "file://$page" >/dev/null
  ! grep -q CONSOLE "$folder/console" || { grep CONSOLE "$folder/console"; exit 1; }
  [ "$(stat -c %s "$folder/$width.png")" -gt 40000 ] || { echo "the picture at $width pixels is nearly empty"; exit 1; }
  if [ -n "${MOODCAST_SHOTS:-}" ]; then cp "$folder/$width.png" "$MOODCAST_SHOTS/report-$width.png"; fi
done
echo "no sideways scrolling at 400 and 1400 pixels"
