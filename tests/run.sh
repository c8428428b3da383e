#!/usr/bin/env bash
# Runs every unit test binary and every tests/cli and tests/e2e script; closes with "N passed, N failed, N skipped".
# TESTS=unit, TESTS=scripts: these alone. LEFT_OUT: names of tests that are not run, each told.
# A script passes with exit 0, is skipped with exit 77 (its last "SKIP name: reason" line is shown), else fails.
set -u
bin=$(realpath "$1") units=$(realpath "$2")
cd "$(dirname "$0")/.." || exit 3
export MOODCAST_BIN=$bin MOODCAST_UNITS=$units
# The make calls within a test are jobs of their own: of the outer make's job server they could only warn.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
if [ -z "${MOODCAST_DATA:-}" ] && [ -d ../shared/data ]; then MOODCAST_DATA=$(realpath ../shared/data); export MOODCAST_DATA; fi
passed=0 failed=0 skipped=0
log=$(mktemp -d) && trap 'rm -rf "$log"' EXIT

left_out() {
  case " ${LEFT_OUT:-} " in *" $1 "*) echo "LEFT OUT $1" ;; *) return 1 ;; esac
}

unit() {
  local name; name=$(basename "$1")
  ! left_out "$name" || return
  timeout "${TEST_TIMEOUT:-900}" "$1" >"$log/$name" 2>&1; local code=$?
  [ $code -ne 124 ] || echo "$name: stopped after ${TEST_TIMEOUT:-900} s" >>"$log/$name"
  local ok bad skip
  ok=$(grep -c '^\[       OK \]' "$log/$name"); skip=$(grep -c '^\[  SKIPPED \] [a-z_0-9]*$' "$log/$name")
  bad=$(grep -cE '^\[  FAILED  \] [a-z_0-9]+$' "$log/$name"); bad=$(( bad / 2 ))
  if [ $code -ne 0 ]; then
    [ $bad -eq 0 ] && bad=1
    echo "FAIL $name"; grep -vE '^\[ (RUN|      OK)' "$log/$name" | tail -n 40
  fi
  passed=$((passed + ok)) failed=$((failed + bad))
  if [ "$skip" -gt 0 ]; then
    grep -oE '^\[  SKIPPED \] [a-z_0-9]+$' "$log/$name" | sort -u | sed "s/^.*\] /SKIP $name: /"
    skipped=$((skipped + $(grep -oE '^\[  SKIPPED \] [a-z_0-9]+$' "$log/$name" | sort -u | wc -l)))
  fi
}

script() {
  local name; name=$(basename "$1")
  ! left_out "$name" || return
  timeout "${TEST_TIMEOUT:-900}" bash "$1" >"$log/$name" 2>&1; local code=$?
  case $code in
    0) passed=$((passed + 1)); echo "ok   $name" ;;
    77) skipped=$((skipped + 1)); grep '^SKIP' "$log/$name" | tail -n 1 ;;
    *) failed=$((failed + 1)); echo "FAIL $name (exit $code)"; tail -n 40 "$log/$name" ;;
  esac
}

[ "${TESTS:-all}" = scripts ] || for test in "$units"/test_*; do case $test in *.d) ;; *) [ -x "$test" ] && unit "$test" ;; esac; done
[ "${TESTS:-all}" = unit ] || for test in tests/cli/*.sh tests/e2e/*.sh tests/browser/*.sh; do [ -e "$test" ] && script "$test"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
