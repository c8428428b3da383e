#!/usr/bin/env bash
# build_deb.sh MAKE BINDIR VERSION OUTDIR: moodcast_VERSION_ARCH.deb of what `make install PREFIX=/usr` copies. The same program gives the same bytes.
set -eu
make=$1 bin=$2 version=$3 out=$4
[ -n "$version" ] || { echo "error: $bin/moodcast tells no version" >&2; exit 3; }
command -v dpkg-deb >/dev/null || { echo "error: dpkg-deb is not there: packages are made on Debian" >&2; exit 3; }
root=$(mktemp -d) && trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
$make -s --no-print-directory install DESTDIR="$root" PREFIX=/usr BIN="$bin"
strip --strip-unneeded "$root/usr/bin/moodcast"
gzip -9n "$root/usr/share/man/man1/moodcast.1"
# Each library that is linked directly, by the package that holds it.
depends=$(objdump -p "$root/usr/bin/moodcast" | sed -n 's/^ *NEEDED *//p' | while read -r library; do
  path=$(ldd "$root/usr/bin/moodcast" | sed -n "s|^[[:space:]]*${library//./\\.} => \([^ ]*\).*|\1|p")
  [ -z "$path" ] || dpkg-query -S "$(realpath "$path")" 2>/dev/null || dpkg-query -S "$path" 2>/dev/null || dpkg-query -S "*/$library" || { echo "error: no package holds $library" >&2; exit 3; }
done | sed 's/:.*//' | sort -u)
# Any OpenBLAS does, whichever of them this machine has.
depends=$(printf '%s\n' $depends | sed 's/^libopenblas0-.*/libopenblas0/' | sort -u | paste -sd, | sed 's/,/, /g')
arch=$(dpkg --print-architecture)
install -d "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: moodcast
Version: $version
Architecture: $arch
Maintainer: moodcast maintainers <maintainers@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Recommends: fonts-nanum
Section: sound
Priority: optional
Description: a face in front of a webcam, its expression, music that fits it
 Serves a web page on this machine's own address: camera, expression, songs.
 Pictures stay in memory. The models come as a bundle, which is not part of
 this package: put one into /var/lib/moodcast/bundle.
END
find "$root" -newermt "@${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || echo 0)}" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
export SOURCE_DATE_EPOCH
mkdir -p "$out"
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/moodcast_${version}_$arch.deb" >/dev/null
echo "$out/moodcast_${version}_$arch.deb"
