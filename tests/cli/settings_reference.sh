#!/usr/bin/env bash
# configs/SETTINGS.md is what the schema says, and every config in configs/ is one that the reader takes.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
diff configs/SETTINGS.md <("$train" config --reference) || { echo "configs/SETTINGS.md: write it anew with moodcast-train config --reference"; exit 1; }
export MOODCAST_DATA=${MOODCAST_DATA:-/nowhere}
for file in configs/*.ini; do [ "$file" = configs/cluster.ini ] || "$train" config --config "$file" >/dev/null; done
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
# The example with comments holds every setting with its default and is a config itself: the same settings, the same identity of every stage.
"$train" config >"$scratch/example.ini"
[ "$(grep -cE '^[a-z0-9_]+ =' "$scratch/example.ini")" = "$(grep -cE '^\| `[a-z0-9_]+` ' configs/SETTINGS.md)" ] || { echo "the example lacks settings"; exit 1; }
awk '/^$|^\[/ { said = 0 } /^# / { said = 1 } /^[a-z0-9_]+ =/ { if (!said) { print "no comment above: " $0; bad = 1 } said = 0 } END { exit bad }' "$scratch/example.ini"
: >"$scratch/empty.ini"
for name in example empty; do
  "$train" config --plain --config "$scratch/$name.ini" >"$scratch/$name.plain"
  "$train" plan --config "$scratch/$name.ini" --set faces.input=@sample/faces.zip --set playlists.input=@sample/playlists.json --store "$scratch/store" \
    --out "$scratch/$name.mk" sample faces cascade:faces features:faces,cascade emotion:features playlists tags:playlists als:playlists evaluate:emotion,tags,als
done
"$train" config --plain | diff - "$scratch/example.plain"
diff "$scratch/empty.plain" "$scratch/example.plain"
diff "$scratch/empty.mk" "$scratch/example.mk"
[ "$(grep -c '^ID_' "$scratch/example.mk")" -ge 8 ] || { cat "$scratch/example.mk"; exit 1; }
