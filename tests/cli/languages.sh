#!/usr/bin/env bash
# Numbers and letters mean the same in Turkish (comma for the point, I without and İ with a dot) and Korean: settings are printed and read, playlists
# read and songs recommended with the bytes of the plain locale.
set -u
cd "$(dirname "$0")/../.." || exit 3
train=${MOODCAST_BIN:-build/bin}/moodcast-train run=${MOODCAST_BIN:-build/bin}/moodcast
for maker in "${MOODCAST_BIN:-build/bin}"/../tests/test_bundle "${MOODCAST_BIN:-build/bin}"/../release/tests/test_bundle; do [ -x "$maker" ] && break; done
[ -x "$maker" ] || { echo "SKIP languages: the unit tests are not built"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
bad=0 tried=0
mkdir "$scratch/bundle" "$scratch/locales" && "$maker" --write "$scratch/bundle" >/dev/null 2>&1 || exit 1
cat >"$scratch/playlists.csv" <<'CSV'
playlist_id,title,tags,songs,like_cnt
1,TITLE İI,INDIE|ışık|신나는,1|2|3,5
2,ılık,Indie|İyi|위로,2|3|4,7
3,whisper,INDIE|신나는,1|4|5,1
4,last,indie|위로,2|5,2
CSV

# All that a locale could change, into FOLDER.
speak() {
  local to=$1; mkdir "$to"
  "$train" config --set als.alpha=0.125 --set emotion.l2=1.5 >"$to/settings" 2>&1 || return 1
  "$train" config --set als.alpha=0,125 >"$to/refused" 2>&1 && return 1
  "$train" playlists --out "$to/playlists" --set "playlists.input=$scratch/playlists.csv" >"$to/log" 2>&1 || { cat "$to/log"; return 1; }
  rm -f "$to/playlists/done" "$to/playlists/log.jsonl" "$to/log"
  "$run" recommend --bundle "$scratch/bundle" --scores positive=0.75,negative=0.25 --json >"$to/songs" 2>&1 || { cat "$to/songs"; return 1; }
  "$run" info --bundle "$scratch/bundle" >"$to/info" 2>&1 || return 1
}

speak "$scratch/plain" || { echo "the plain locale"; exit 1; }
[ -s "$scratch/plain/playlists/playlists.h5" ] || { echo "no playlists"; exit 1; }
for name in tr_TR ko_KR; do
  localedef -i $name -f UTF-8 "$scratch/locales/$name.UTF-8" 2>/dev/null || [ -d "$scratch/locales/$name.UTF-8" ] || { echo "SKIP languages: $name cannot be made here"; continue; }
  # bash itself does not look into LOCPATH and says so.
  { export LOCPATH=$scratch/locales LC_ALL=$name.UTF-8; } 2>/dev/null
  # The locale is really there: Turkish writes the comma, Korean its own name for Sunday.
  case $name in tr_TR) [ "$(locale decimal_point)" = , ] ;; *) [ "$(locale day | cut -d';' -f1)" = 일요일 ] ;; esac || { echo "SKIP languages: $name has no effect here"; continue; }
  speak "$scratch/$name" || { echo "$name: failed"; bad=1; continue; }
  unset LC_ALL LOCPATH
  diff -r "$scratch/plain" "$scratch/$name" >"$scratch/differences" || { head -n 20 "$scratch/differences"; echo "$name: other results"; bad=1; }
  tried=$((tried + 1))
done
[ $bad -eq 0 ] || exit 1
[ $tried -gt 0 ] || { echo "SKIP languages: neither Turkish nor Korean can be made here"; exit 77; }
