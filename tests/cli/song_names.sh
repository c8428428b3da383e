#!/usr/bin/env bash
# A song_meta.json much larger than what is kept of it: read piece by piece, so memory grows by the names of the songs that occur and no more.
set -eu
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3
$python -c 'import h5py' 2>/dev/null || { echo "SKIP song_names: python3-h5py is not installed"; exit 77; }
case $(basename "$(dirname "$MOODCAST_BIN")") in asan | tsan) echo "SKIP song_names: the sanitizers' own memory is in the way"; exit 77 ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
$python - "$folder" <<'MAKE'
import json, sys
folder, songs = sys.argv[1], 120000
with open(folder + "/meta.json", "w") as f:  # every field that Melon's has
    for i in range(songs):
        f.write(("[" if i == 0 else ",") + json.dumps({
            "song_gn_dtl_gnr_basket": ["GN0901", "GN0902"], "issue_date": "20140512", "album_name": f"앨범 {i} (여름 이야기)", "album_id": i // 9,
            "artist_id_basket": [i // 30], "song_name": f"노래 {i}", "song_gn_gnr_basket": ["GN0900"],
            "artist_name_basket": [f"가수 {i // 30}"], "id": i}, ensure_ascii=False))
    f.write("]")
json.dump([{"id": p, "songs": list(range(p, songs, 400)), "tags": ["여름"], "plylst_title": "", "like_cnt": 1} for p in range(100)],
          open(folder + "/lists.json", "w"))
MAKE
peak() { # out setting…: bytes
  local out=$folder/$1; shift
  "$train" playlists --set "playlists.input=$folder/lists.json" "$@" --out "$out" 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
  $python -c 'import json, sys; print(json.load(open(sys.argv[1]))["peak_memory_bytes"])' "$out/done"
}
without=$(peak without) with=$(peak with --set "playlists.song_meta=$folder/meta.json") size=$(stat -c %s "$folder/meta.json")
[ "$size" -gt 30000000 ]
[ $((with - without)) -lt $((size / 3)) ] || { echo "song_meta of $size bytes: memory grew from $without to $with"; exit 1; }
$python - "$folder/with/playlists.h5" <<'CHECK'
import sys, h5py
with h5py.File(sys.argv[1]) as f:
    ids, at = f["song/id"][:], f["song/name/offsets"][:]
    name = f["song/name/bytes"][:].tobytes()
    assert len(ids) == 30000 and all(name[at[i]:at[i + 1]].decode() == f"노래 {ids[i]}" for i in range(0, 30000, 997))
CHECK
