#!/usr/bin/env bash
# What the .gcda below build folders say about src/: coverage.sh BUILD…. Lines and branches a library, the files with most that never ran, and a
# page in the first folder. Files that no test touches count as well. Less than 90 % of the lines or 75 % of the branches is a failure.
set -eu
cd "$(dirname "$0")/.."
build=$1
command -v lcov >/dev/null || { echo "coverage: lcov is not installed; make deps-check installs it"; exit 3; }
options=(--rc lcov_branch_coverage=1 --quiet)
folders=("$build/obj"); shift
for folder; do [ ! -d "$folder" ] || folders+=("$folder"); done
capture=("${options[@]}" --capture --base-directory . --no-external "${folders[@]/#/--directory=}")
lcov "${capture[@]}" --initial --output-file "$build/none.info" 2>/dev/null
lcov "${capture[@]}" --output-file "$build/ran.info" 2>/dev/null
lcov "${options[@]}" --add-tracefile "$build/none.info" --add-tracefile "$build/ran.info" --output-file "$build/all.info"
lcov "${options[@]}" --extract "$build/all.info" "$PWD/src/*" --output-file "$build/src.info"
genhtml --rc lcov_branch_coverage=1 --branch-coverage --quiet --prefix "$PWD" --output-directory "$build/html" "$build/src.info" >/dev/null
awk -F: -v root="$PWD/src/" '
  $1 == "SF" { file = substr($2, length(root) + 1); lib = file; sub(/\/.*/, "", lib) }
  $1 == "LF" { lines[lib] += $2; all_lines += $2; missed[file] = $2 }
  $1 == "LH" { ran[lib] += $2; all_ran += $2; missed[file] -= $2 }
  $1 == "BRF" { branches[lib] += $2; all_branches += $2 }
  $1 == "BRH" { taken[lib] += $2; all_taken += $2 }
  END {
    for (lib in lines) printf "%-9s lines %5.1f %%  branches %5.1f %%\n", lib, 100 * ran[lib] / lines[lib], 100 * taken[lib] / (branches[lib] ? branches[lib] : 1) | "sort"
    close("sort")
    for (file in missed) if (missed[file] > 15) printf "%5d lines of src/%s never ran\n", missed[file], file | "sort -rn | head -n 25"
    close("sort -rn | head -n 25")
    printf "src       lines %5.1f %% of %d  branches %5.1f %% of %d\n", 100 * all_ran / all_lines, all_lines, 100 * all_taken / all_branches, all_branches
    if (10 * all_ran < 9 * all_lines || 4 * all_taken < 3 * all_branches) {
      print "error: less than 90 % of the lines or 75 % of the branches; " root "../'"$build"'/html/index.html shows which" > "/dev/stderr"
      exit 1
    }
  }' "$build/src.info"
