#!/usr/bin/env bash
# Playlists that leave little to learn from, and tags that nobody should have written: a sentence or a counted skip, and nothing half-written.
set -eu
train=$MOODCAST_BIN/moodcast-train python=/usr/bin/python3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
$python - "$folder" <<'MAKE'
import json, sys
folder = sys.argv[1]
def save(name, *lists):
    json.dump([dict(id=i, songs=[1, 2, 3 + i], like_cnt=i, **more) for i, more in enumerate(lists)], open(f"{folder}/{name}.json", "w"))
save("no_tags", {}, {"tags": []}, {})
save("one", {"tags": ["여름", "바다"]})
save("odd", {"tags": ["여" * 3413, "위로\n슬픔", "\u200b\u200d", "\u200b여\u200d름\ufeff"]}, {"tags": ["여름", "바다"]})
MAKE
stage() { "$train" "$1" --out "$folder/$2/$1" "${@:3}" 2>"$folder/log"; }
pass() { stage "$@" || { echo "$1 of $2 fails"; cat "$folder/log"; exit 1; }; }
refuse() { # words, stage, input…
  local status=0 words=$1; shift
  stage "$@" || status=$?
  [ "$status" = 4 ] && grep -qF "$words" "$folder/log" || { echo "$1 of $2: status $status, \"$words\" is not said:"; cat "$folder/log"; exit 1; }
  [ ! -e "$folder/$2/$1/tags.vec" ] && [ ! -e "$folder/$2/$1/tags.bin" ]
}
for input in no_tags one odd; do
  pass playlists $input --set playlists.input="$folder/$input.json" --set playlists.max_skipped=0.9 --set playlists.holdout=0
  pass als $input --in playlists="$folder/$input/playlists" --set als.factors=4
done
refuse "the vocabulary has 0 tags" tags no_tags --in playlists="$folder/no_tags/playlists"
refuse "tags.sample = 0" tags one --in playlists="$folder/one/playlists" --set tags.sample=1e-9
pass tags one --in playlists="$folder/one/playlists" --set tags.sample=0
for words in 'tag is longer than 1024 bytes' 'tag is empty after normalisation'; do
  [ "$(grep -cF "$words" "$folder/odd/playlists/skipped.tsv")" = 1 ] || { echo "not counted: $words"; cat "$folder/odd/playlists/skipped.tsv"; exit 1; }
done
$python - "$folder/odd/playlists/metrics.json" <<'CHECK'
import json, sys
metrics = json.load(open(sys.argv[1]))
assert metrics["tags"] == 3 and metrics["skipped"]["tags"] == 2, metrics  # 여름 twice, 바다, and 위로 슬픔 in one line
CHECK
