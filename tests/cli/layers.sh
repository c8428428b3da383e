#!/usr/bin/env bash
# The house rules of src/ARCHITECTURE.md: no include points up or sideways, a third-party library is included from one directory only,
# one public header a directory, unique file names, no exit or abort outside app, files of at most 500 lines of 120 columns (the tests' too).
set -u
cd "$(dirname "$0")/../.." || exit 3
bad=0
say() { echo "$*"; bad=1; }

declare -A row=([base]=1 [config]=2 [io]=3 [num]=3 [vision]=4 [nn]=4 [text]=4 [recsys]=4 [report]=4 [stages]=5 [runtime]=5 [app]=6)
while IFS=: read -r file include; do
  from=$(cut -d/ -f2 <<<"$file") to=${include%%/*}
  [ "$from" = "$to" ] && continue
  [ -n "${row[$to]:-}" ] || { say "$file includes $include, which is in no library"; continue; }
  [ "${row[$to]}" -lt "${row[$from]}" ] || say "$file includes $include: that points up or sideways"
  { [ "$from" = io ] || [ "$from" = num ]; } && [ "$to" = config ] && say "$file includes $include: $from knows no settings"
  [ "$include" = "$to/$to.h" ] || [ "$include" = app/app.h ] || [ "$include" = base/comm.h ] || say "$file includes $include, which is not the public header of $to"
done < <(grep -rnoE '^#include "[a-z_]+/[a-z0-9_]+\.h"' src --include='*.[ch]' | sed -E 's/^([^:]+):[0-9]+:#include "(.*)"/\1:\2/')

for header in hdf5.h archive.h cblas.h csv.h microhttpd.h turbojpeg.h expat.h jansson.h ini.h utf8proc.h png.h zlib.h cairo.h pango/pangocairo.h xxhash.h openssl/evp.h openssl/pem.h seccomp.h; do
  folders=$(grep -rlE "#include <$header>" src | cut -d/ -f2 | sort -u | tr '\n' ' ')
  [ "$(wc -w <<<"$folders")" -le 1 ] || say "$header is included from more than one directory: $folders"
done

for folder in src/*/; do
  name=$(basename "$folder")
  public=$(cd "$folder" && ls *.h 2>/dev/null | grep -v '_internal\.h$' | grep -vx "$name.h" | grep -vx 'comm\.h')
  [ -z "$public" ] || [ "$name" = app ] || say "src/$name has more headers than $name.h and *_internal.h: $public"
done
mpi=$(grep -rlE '#include <mpi' src | tr '\n' ' ')
[ "$mpi" = "src/base/comm_mpi.c " ] || say "mpi.h is for src/base/comm_mpi.c alone: $mpi"
twice=$(find src -name '*.[ch]' -printf '%f\n' | sort | uniq -d)
[ -z "$twice" ] || say "file names that are not unique: $twice"
grep -rnE '\b(exit|abort|assert)\s*\(' src --include='*.c' | grep -v '^src/app/' | grep -vE '^\S+:\s*(\*|/\*)' && say "exit, abort or assert outside app"
long=$(find src tests -name node_modules -prune -o -name '*.[ch]' -print | xargs wc -l | awk '$2 != "total" && $1 > 500 { print $2 " has " $1 " lines; a file has at most 500" }')
[ -z "$long" ] || say "$long"
# A tab is four, as .clang-format has it.
wide=$(find src tests -name node_modules -prune -o -name '*.[ch]' -print | while read -r file; do
  expand -t4 "$file" | LC_ALL=C.UTF-8 grep -nE '.{121}' | sed "s|^|$file:|"
done | head)
[ -z "$wide" ] || say "lines of more than 120 columns: $wide"
wc -l src/stages/stage_[a-z]*.c | awk '$2 != "total" && $1 > 150 { print $2 " has " $1 " lines; a stage has at most 150"; bad = 1 } END { exit bad }' || bad=1
exit $bad
