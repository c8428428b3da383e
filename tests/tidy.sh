#!/usr/bin/env bash
# clang-tidy over src/ by .clang-tidy: tests/tidy.sh JOBS CFLAGS… A file's kernels of a higher level are read as such.
set -u
cd "$(dirname "$0")/.." || exit 3
command -v clang-tidy >/dev/null || { echo "tidy: clang-tidy is not installed; make deps-test installs it"; exit 3; }
jobs=$1; shift
log=$(mktemp -d) && trap 'rm -rf "$log"' EXIT
export flags="-std=c11 -D_GNU_SOURCE -fopenmp -Isrc $*" log
one() {
  local level=-march=x86-64-v2 model="-include tests/support/analyzer_model.h"
  case $1 in *_avx2.c) level=-march=x86-64-v3 ;; *_avx512.c) level=-march=x86-64-v4 ;; esac
  case $1 in src/base/*) model= ;; esac
  # shellcheck disable=SC2086
  clang-tidy --quiet "$1" -- $flags $level $model 2>/dev/null >"$log/${1//\//_}" || echo "$1" >>"$log/failed"
}
export -f one
find src -name '*.c' | sort | xargs -P"$jobs" -I{} bash -c 'one {}'
cat "$log"/src_* | grep -E '(error|warning): ' | sort -u
[ ! -e "$log/failed" ] || { echo "tidy: $(wc -l <"$log/failed") files with findings"; exit 1; }
echo "tidy: clean"
