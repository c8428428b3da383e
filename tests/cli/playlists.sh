#!/usr/bin/env bash
# The stage `playlists`: JSON, CSV, pairs and song_meta joined, judged by h5py and scipy; the same bytes from any order of inputs; bad input.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3
$python -c 'import h5py, scipy.sparse' 2>/dev/null || { echo "SKIP playlists: python3-h5py or python3-scipy is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
$python - "$folder" <<'MAKE'
import gzip, json, random, sys
folder, ids = sys.argv[1], list(range(1, 401))
record = lambda i: {"id": i, "plylst_title": f"제목 {i}", "like_cnt": i * 3 % 100, "songs": [(i * 7 + j * 13) % 90 for j in range(i % 9)],
                    "tags": ([("Tag" if i % 2 else "TAG") + str(i % 5)] if i % 3 else []) + ["신나는"], "updt_date": "2019-01-01 00:00:00.000"}
for name, order in ("a", 1), ("b", -1):
    json.dump([record(i) for i in ids[:200][::order]], open(f"{folder}/{name}.json", "w"), ensure_ascii=False)
with gzip.open(f"{folder}/a.csv.gz", "wt") as f:
    f.write("\ufeffplaylist_id,title,tags,songs,like_cnt\r\n")
    for r in map(record, ids[200:]):
        f.write(f"{r['id']},\"{r['plylst_title']}, \"\"큰\"\"\",\"{'|'.join(r['tags'])}\",{'|'.join(map(str, r['songs']))},{r['like_cnt']}\r\n")
open(f"{folder}/pairs.csv", "w").write("playlist_id,song_id\n" + "".join(f"{i},{1000 + i}\n" for i in ids if i % 2))
json.dump([{"id": 42, "song_name": "마흔둘", "artist_name_basket": ["가", "나"], "album_id": 2**40}, {"id": 7777, "song_name": "x"}], open(f"{folder}/meta.json", "w"))
json.dump([{"id": 1}, {"id": "x"}], open(f"{folder}/bad.json", "w"))
open(f"{folder}/cut.json", "w").write(open(f"{folder}/a.json").read()[:5000])
MAKE
common="playlists.pairs=$folder/pairs.csv playlists.song_meta=$folder/meta.json playlists.holdout=0.5 playlists.matrix_market=yes"
run() { # out inputs
  local arguments=() setting
  for setting in $common "playlists.input=$2"; do arguments+=(--set "$setting"); done
  "$train" playlists "${arguments[@]}" --out "$folder/$1" 2>"$folder/log" || { cat "$folder/log"; exit 1; }
}
run one "$folder/a.json,$folder/a.csv.gz"
run two "$folder/a.csv.gz,$folder/b.json"
$python tests/golden/playlists_check.py "$folder/one"
cmp "$folder/one/playlists.h5" "$folder/two/playlists.h5"
cmp "$folder/one/likes.npz" "$folder/two/likes.npz"
cmp "$folder/one/likes.mtx" "$folder/two/likes.mtx"
[ "$(wc -l <"$folder/one/skipped.tsv")" = 1 ]

refuse() { # what status words input
  local status=0
  "$train" playlists --set "playlists.input=$4" --out "$folder/refused" 2>"$folder/log" || status=$?
  [ "$status" = "$2" ] || { echo "$1: status $status, expected $2"; cat "$folder/log"; exit 1; }
  grep -qF "$3" "$folder/log" || { echo "$1: \"$3\" is not said:"; cat "$folder/log"; exit 1; }
  [ ! -e "$folder/refused/playlists.h5" ] && [ ! -e "$folder/refused/likes.npz" ] && [ -z "$(find "$folder/refused" -name "*.part")" ]
}
refuse "half of the records bad" 4 "bad.json: element 2: playlist id" "$folder/bad.json"
refuse "a file cut off" 4 "cut.json: ends inside element" "$folder/cut.json"
refuse "a missing file" 3 "absent.json" "$folder/absent.json"
# The bad record is let through and listed when the setting allows it.
"$train" playlists --set "playlists.input=$folder/bad.json" --set playlists.max_skipped=0.5 --out "$folder/half" 2>/dev/null
grep -q $'^bad.json\telement 2\tx\tplaylist id is not an integer' "$folder/half/skipped.tsv"
