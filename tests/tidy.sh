#!/usr/bin/env bash
# clang-tidy over src/ by .clang-tidy: tests/tidy.sh JOBS CFLAGS…, JOBS files at a time; TIDY=src/io (or files) takes a part of it.
# A file's kernels of a higher level are read as such. What was found clean stands in build/tidy by a digest of all that clang-tidy reads, comments
# included, so that the next run takes only what has changed. Closes with the findings and status 1, or "clean".
set -u
cd "$(dirname "$0")/.." || exit 3
command -v clang-tidy >/dev/null || { echo "tidy: clang-tidy is not installed; make deps-check installs it" >&2; exit 3; }
jobs=$1; shift
log=$(mktemp -d) && trap 'rm -rf "$log"' EXIT
known=build/tidy
mkdir -p "$known" || exit 3
base=$({ clang-tidy --version; cat .clang-tidy; } | sha256sum)
export flags="-std=c11 -D_GNU_SOURCE -fopenmp -Isrc $*" log known base
one() {
  local level=-march=x86-64-v2 model="-include tests/support/analyzer_model.h" digest
  case $1 in *_avx2.c) level=-march=x86-64-v3 ;; *_avx512.c) level=-march=x86-64-v4 ;; esac
  case $1 in
    src/base/memory.c | src/base/paths.c | src/base/status.c) model= ;;
    src/stages/stage_pack.c | src/stages/stage_paths.c) ;; # define what the model has of stages
    src/stages/*) model="-DMODEL_STAGES $model" ;;
    src/base/comm_mpi.c)
      command -v mpicc >/dev/null || { echo "tidy: $1 is left out: mpicc is not installed" >&2; return; }
      model="$model $(mpicc -show | grep -o -- '-I[^ ]*' | sed 's/^-I/-isystem /' | xargs)" ;;
  esac
  # shellcheck disable=SC2086
  digest=$({ echo "$base $1 $flags $level $model"; clang -E -CC $flags $level $model "$1"; } 2>&1 | sha256sum | cut -c 1-32)
  [ ! -e "$known/$digest" ] || return
  # shellcheck disable=SC2086
  if clang-tidy --quiet "$1" -- $flags $level $model >"$log/${1//\//_}" 2>"$log/messages${1//\//_}"; then
    touch "$known/$digest"
  else
    echo "$1" >>"$log/failed"
    grep -q 'error: ' "$log/${1//\//_}" || cat "$log/messages${1//\//_}" >>"$log/silent"
  fi
}
export -f one
# shellcheck disable=SC2086
find ${TIDY:-src} -name '*.c' | sort | xargs -P"$jobs" -I{} bash -c 'one {}'
if [ -e "$log/failed" ]; then
  cat "$log"/src_* | grep -E '(error|warning): ' | sed "s|^$PWD/||" | sort -u
  cat "$log/silent" 2>/dev/null
  echo "tidy: $(wc -l <"$log/failed") files with findings"
  exit 1
fi
echo "tidy: clean"
