#!/usr/bin/env bash
# What the documents name is there: files and folders, links, make's goals, words of the programs, settings; and what is there is named:
# every library of src/, every stage in the drawing of the data flow, every file that a stage leaves.
set -u
cd "$(dirname "$0")/../.." || exit 3
train=${MOODCAST_BIN:-build/bin}/moodcast-train moodcast=${MOODCAST_BIN:-build/bin}/moodcast
documents="README.md CONTRIBUTING.md SECURITY.md src/ARCHITECTURE.md pipeline/README.md data/README.md tests/RELIABILITY.md tests/BENCHMARKS.md"
bad=0
say() { echo "$*"; bad=1; }

for document in $documents; do
  [ -s "$document" ] || { say "$document is missing"; continue; }
  # A name in capitals stands for one of the reader's, and so does configs/x.ini.
  while read -r path; do
    [[ $path =~ [A-Z]{3} && $path != *.md ]] || [ "$path" = configs/x.ini ] || compgen -G "${path%/}" >/dev/null || say "$document: $path is not there"
  done < <(grep -oE '\b(src|tests|pipeline|configs)/[A-Za-z0-9_*./-]*[A-Za-z0-9_*/]' "$document" | sort -u)
  while read -r link; do
    [ -e "$(dirname "$document")/${link%%#*}" ] || say "$document: links to $link, which is not there"
  done < <(grep -oE '\]\([A-Za-z][A-Za-z0-9_./-]*\)' "$document" | sed 's/^](//; s/)$//' | sort -u)
  while read -r goal; do
    grep -qE "^([a-z -]* )?$goal( [a-z -]*)?:|\.PHONY:.* $goal( |$)" Makefile pipeline/*.mk || say "$document: make $goal is no goal"
  done < <(grep -oE '(`|^|; |, )make (-j2 )?[a-z-]+' "$document" | sed -E 's/.*make (-j2 )?//' | sort -u)
  while read -r word; do
    "$train" "$word" --help >/dev/null 2>&1 || say "$document: moodcast-train $word is no word of the program"
  done < <(grep -oE 'moodcast-train [a-z]+' "$document" | cut -d' ' -f2 | grep -vxE 'reads|stays|and|is|plan' | sort -u)
  while read -r key; do
    section=${key%%.*}
    grep -qE "^## \[$section\]" configs/SETTINGS.md || continue
    sed -n "/^## \[$section\]/,/^## /p" configs/SETTINGS.md | grep -qE "^\| \`${key#*.}[\`.]" || say "$document: there is no setting $key"
  done < <(grep -oE '`[a-z]+\.[a-z_0-9]+`' "$document" | tr -d '`' | grep -vE '\.(h5|json|jsonl|tsv|html|png|xml|vec|bin|npz|md|mk|c|h|sh|ini|test|csv|zip|7z|tar|external|safetensors|by_stage|history|loss_by_iteration|conf|service)$' | sort -u)
done

for folder in src/*/; do
  grep -q "\`$(basename "$folder")\`" src/ARCHITECTURE.md || say "src/ARCHITECTURE.md does not name the library $folder"
done
drawing=$(sed -n '/^## How data flows/,/^## Files/p' src/ARCHITECTURE.md)
for stage in $("$train" help | sed -n '/^stages:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
  grep -qw "$stage" <<<"$drawing" || say "src/ARCHITECTURE.md does not draw the stage $stage"
  for file in $("$train" help "$stage" | sed -n 's/^leaves: //p' | tr -d '?'); do
    grep -qF "$file" src/ARCHITECTURE.md || say "src/ARCHITECTURE.md does not say what $file of the stage $stage is"
  done
done
while read -r word; do
  "$moodcast" help 2>/dev/null | grep -qw "$word" || say "README.md: moodcast $word is no word of the program"
done < <(grep -oE '^build/bin/moodcast [a-z]+' README.md | cut -d' ' -f2)
exit $bad
