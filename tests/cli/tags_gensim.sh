#!/usr/bin/env bash
# The stage `tags` judged by gensim on the same corpus: files, neighbours, and the training itself.
# Melon's real tags when MOODCAST_DATA is set, else drawn playlists.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
python=/usr/bin/python3
if ! $python -c 'import gensim, h5py' 2>/dev/null; then
	echo "SKIP tags_gensim: $python has no gensim or h5py"
	exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/sample" "$work/playlists" "$work/tags"

real=${MOODCAST_DATA:+$MOODCAST_DATA/playlists/melon_train_tags.json}
if [ -n "$real" ] && [ -f "$real" ]; then
	epochs=5
	$python - "$real" "$work/playlists.json" <<'PY'
import json, sys
rows = [dict(id=r["id"], plylst_title="", tags=r["tags"], songs=[], like_cnt=0, updt_date="") for r in json.load(open(sys.argv[1]))]
json.dump(rows, open(sys.argv[2], "w"), ensure_ascii=False)
PY
else
	epochs=20
	"$train" sample --set sample.people=6 --set sample.pictures=3 --set sample.backgrounds=4 --set sample.playlists=4000 \
		--out "$work/sample" 2>"$work/log" || { cat "$work/log"; exit 1; }
	mv "$work/sample/playlists.json" "$work/playlists.json"
fi
"$train" playlists --set playlists.input="$work/playlists.json" --out "$work/playlists" 2>"$work/log" || { cat "$work/log"; exit 1; }
"$train" tags --set playlists.input="$work/playlists.json" --set tags.epochs=$epochs --in playlists="$work/playlists" --out "$work/tags" \
	2>"$work/log" || { cat "$work/log"; exit 1; }
"$train" tags --nearest 여름 -n 10 --in tags="$work/tags" >"$work/nearest.tsv"
[ "$(wc -l <"$work/nearest.tsv")" -eq 10 ]
if [ "$epochs" -eq 5 ] && ! grep -qE '^(휴양지|바다|해변)	' "$work/nearest.tsv"; then
	echo "tags_gensim: neither 휴양지 nor 바다 nor 해변 is near 여름:"
	cat "$work/nearest.tsv"
	exit 1
fi
# The query is normalised as the tags were; an unknown tag is refused with its name.
"$train" tags --nearest ' 여름 ' -n 10 --in tags="$work/tags" | cmp - "$work/nearest.tsv"
status=0
"$train" tags --nearest 없는태그입니다 --in tags="$work/tags" 2>"$work/log" || status=$?
[ "$status" -eq 2 ] && grep -q 없는태그입니다 "$work/log"
$python "tests/golden/tags_gensim.py" "$work/playlists" "$work/tags" "$epochs" 여름 "$work/nearest.tsv"
