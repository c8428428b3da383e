#!/usr/bin/env bash
# Songs that came after training: pack.new_songs reruns nothing but pack, and `moodcast recommend` lists them and says by which tags; what is no
# playlist file is refused and leaves no bundle.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
moodcast=$MOODCAST_BIN/moodcast bundle=$scratch/out/sample/bundle new=$scratch/new.csv
songs() { "$moodcast" recommend --bundle "$bundle" --tag 여름 --tag 신나는 -n 200 "$@"; }

job ""
songs --json >"$scratch/before.json"
known=$(grep -oE '"id": ?[0-9]+' "$scratch/before.json" | head -1 | grep -oE '[0-9]+')
# 800001 and 800002 stand under tags that training knows, 800003 under one that it does not; the last is no new song.
printf 'playlist_id,title,tags,songs\n1,a,여름|Nobody says this,800001\n2,b,"신나는|여름",800001|800002\n3,c,Nobody says this,800003\n4,d,여름,%s\n' "$known" >"$new"
job "pack.new_songs=$new"
[ "$(grep -oE '^[a-z]+: [0-9.]+ s:' "$scratch/log")" = "$(grep -oE '^pack: [0-9.]+ s:' "$scratch/log")" ] || { cat "$scratch/log"; echo "more than pack ran"; exit 1; }
grep -q 'pack: 2 new songs by their tags; 1 stand under no tag' "$scratch/log" || { cat "$scratch/log"; echo "new songs were not counted"; exit 1; }
songs --json >"$scratch/after.json"
songs --json | cmp "$scratch/after.json" -
songs >"$scratch/after.txt" 2>/dev/null
for id in 800001 800002; do
  grep -A1 "\[$id\]" "$scratch/after.txt" | grep -q '→ playlist .* → new song: .*여름' || { cat "$scratch/after.txt"; echo "song $id is not given with its why"; exit 1; }
done
[ "$(grep -c 'new song:' "$scratch/after.txt")" = 2 ] || { cat "$scratch/after.txt"; echo "a song that is not new says that it is"; exit 1; }
! grep -q 'new song:' <(songs --song 800001 2>&1 | grep -A1 '\[800001\]') || { echo "a listener's own song was recommended"; exit 1; }
# The same bytes with any number of threads.
stage() { "$MOODCAST_BIN/moodcast-train" pack --config "$scratch/out/sample/config.ini" $(printf -- '--set %s ' $small) --set "pack.new_songs=$new" \
  $(for s in sample cascade features emotion playlists tags als evaluate; do echo --in "$s=$scratch/out/sample/$s"; done) "$@" 2>"$scratch/log"; }
stage --set run.threads=3 --out "$scratch/three" || { cat "$scratch/log"; exit 1; }
cmp "$scratch/three/bundle/recommender.safetensors" "$bundle/recommender.safetensors"
# A file that is cut off: a sentence with its name, and no bundle.
printf '[{"id": 1, "tags": ["여름"], "songs": [80' >"$scratch/cut.json"
status=0
stage --set "pack.new_songs=$scratch/cut.json" --out "$scratch/none" || status=$?
[ "$status" = 4 ] && grep -q 'cut.json' "$scratch/log" || { cat "$scratch/log"; echo "status $status"; exit 1; }
[ ! -e "$scratch/none/done" ]
