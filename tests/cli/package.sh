#!/usr/bin/env bash
# `make install` into a folder, `make package`: what lies in it, what it depends on, whether the unit and the man page are well formed.
set -u
cd "$(dirname "$0")/../.." || exit 3
: "${MOODCAST_BIN:=build/bin}"
command -v dpkg-deb >/dev/null || { echo "SKIP package: dpkg-deb is not installed"; exit 77; }
mode=$(basename "$(dirname "$MOODCAST_BIN")"); case $mode in asan|tsan|debug|coverage) echo "SKIP package: made of the release only"; exit 77 ;; esac
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
bad=0
say() { echo "$*"; bad=1; }
make -s --no-print-directory install DESTDIR="$scratch/root" PREFIX=/elsewhere >"$scratch/log" 2>&1 || say "make install: $(cat "$scratch/log")"
installed=$scratch/root/elsewhere
for file in bin/moodcast share/man/man1/moodcast.1 share/moodcast/context.json lib/systemd/system/moodcast.service; do [ -s "$installed/$file" ] || say "$file is not installed"; done
grep -q '^ExecStart=/elsewhere/bin/moodcast serve ' "$installed/lib/systemd/system/moodcast.service" || say "the unit starts another program"
[ "$(find "$scratch/root" -type f | wc -l)" = 5 ] || say "make install copies $(find "$scratch/root" -type f)"
for round in 1 2; do
  SOURCE_DATE_EPOCH=1700000000 pipeline/package/build_deb.sh make build/bin "$(build/bin/moodcast version | sed -n 's/^moodcast \([0-9][0-9.]*\).*/\1/p')" "$scratch/deb$round" >"$scratch/log" 2>&1 || say "package: $(cat "$scratch/log")"
done
cmp "$scratch"/deb1/*.deb "$scratch"/deb2/*.deb || say "the package is not reproducible"
deb=$(echo "$scratch"/deb1/*.deb)
dpkg-deb -c "$deb" >"$scratch/list" || say "no package"
grep -q '^drwxr-xr-x root/root .* ./$' "$scratch/list" || say "the package's top is not readable by all"
for file in ./usr/bin/moodcast ./usr/share/man/man1/moodcast.1.gz ./lib/systemd/system/moodcast.service ./usr/share/moodcast/context.json ./usr/share/doc/moodcast/copyright; do
  grep -q "root/root .* $file\$" "$scratch/list" || say "$file is not in the package"
done
depends=$(dpkg-deb -f "$deb" Depends)
case $depends in *hdf5*|*archive*) say "the package depends on $depends" ;; esac
case $depends in *libmicrohttpd12*libopenblas0*) ;; *) say "the package depends on: $depends" ;; esac
dpkg-deb -x "$deb" "$scratch/out" && "$scratch/out/usr/bin/moodcast" help | grep -q 'moodcast serve' || say "the packed program does not run"
# Every command and every option that the unit uses is real; every command has its place in the manual.
for command in detect analyze recommend watch serve info help version; do grep -qE "(BR|B) .*\b$command\b" pipeline/package/moodcast.1 || say "the manual leaves out $command"; done
for option in $(sed -n 's/^ExecStart=//p' pipeline/package/moodcast.service | grep -oE -- '--[a-z-]+'); do build/bin/moodcast help serve | grep -q -- "$option" || say "the unit's $option is no option"; done
if command -v man >/dev/null; then LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z pipeline/package/moodcast.1 2>&1 >/dev/null | grep . && say "the manual has faults"; fi
if command -v systemd-analyze >/dev/null; then
  sed "s|@PREFIX@/bin/moodcast|$(realpath build/bin/moodcast)|" pipeline/package/moodcast.service >"$scratch/moodcast.service"
  systemd-analyze verify --man=no "$scratch/moodcast.service" >"$scratch/log" 2>&1 || say "the unit: $(cat "$scratch/log")"
  # Ten times what stands open, of 100; an older systemd-analyze cannot say.
  if systemd-analyze security --help 2>&1 | grep -q -- --offline; then
    systemd-analyze security --offline=yes --threshold=10 "$scratch/moodcast.service" >"$scratch/log" 2>&1 || say "the unit leaves more open: $(tail -n 1 "$scratch/log")"
  fi
fi
exit $bad
