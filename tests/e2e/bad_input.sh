#!/usr/bin/env bash
# Bad input gets a sentence with file and place, the right exit code, and leaves no half-written result.
set -u
cd "$(dirname "$0")/../.."
command -v python3 >/dev/null || { echo "SKIP bad_input: python3 is not installed"; exit 77; }
train=${MOODCAST_BIN:=$PWD/build/bin}/moodcast-train
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
bad=0

# refuse NAME EXIT "part of the sentence" STAGE ARGUMENTS…
refuse() {
  local name=$1 code=$2 part=$3 stage=$4; shift 4
  rm -rf "$scratch/result"
  "$train" "$stage" "$@" --out "$scratch/result" >"$scratch/stdout" 2>"$scratch/stderr"; local got=$?
  local said; said=$(grep '^error: ' "$scratch/stderr")
  if [ $got -ne "$code" ] || ! grep -qF -- "$part" <<<"$said"; then
    echo "$name: exit $got (expected $code): $said — expected: $part"; bad=1
  fi
  # What faces has read so far is kept on purpose: with faces.max_skipped raised it goes on from there.
  local left; left=$(find "$scratch/result" -type f 2>/dev/null | grep -vE '(skipped\.tsv|log\.jsonl|faces\.h5(\.rows)?\.part)$')
  [ -z "$left" ] || { echo "$name: left $left"; bad=1; }
}

python3 tests/e2e/bad_files.py "$scratch" || exit 1
cd "$scratch" || exit 3
printf '[als]\nfactrs = 64\n' >misspelt.ini
printf '[als]\nfactors = lots\n' >word.ini

refuse "misspelt setting" 2 "misspelt.ini:2: there is no setting als.factrs; did you mean als.factors?" als --config misspelt.ini
refuse "not a number" 2 'word.ini:2: als.factors: "lots" is not a whole number' als --config word.ini
refuse "config missing" 3 "nowhere.ini" als --config nowhere.ini
refuse "input missing" 3 "nowhere.zip" faces --set faces.input=nowhere.zip
refuse "upstream missing" 2 "--in playlists=DIR" als
refuse "zip cut off" 4 "cut.zip" faces --set faces.input=cut.zip
refuse "text named .jpg" 4 "text.zip" faces --set faces.input=text.zip
refuse "one person" 4 "person" faces --set faces.input=one_person.zip
refuse "a class without pictures" 4 "negative" faces --set faces.input=no_negative.zip
refuse "CSV fields" 4 "fields.csv:3" faces --set faces.input=fields.csv --set faces.layout=csv
refuse "JSON cut" 4 "cut.json" playlists --set playlists.input=cut.json
refuse "playlists CSV fields" 4 "playlists.csv:3" playlists --set playlists.input=playlists.csv
refuse "no playlist" 4 "empty.json" playlists --set playlists.input=empty.json

# The same through make: its own exit code is always 2, the program's stands in its last line.
refuse_make() {
  local name=$1 part=$2; shift 2
  make -C "$OLDPWD" --no-print-directory -s OUT="$scratch/out" "$@" >stdout 2>stderr; local got=$?
  [ $got -ne 0 ] && grep -qF -- "$part" stderr || { echo "make, $name: exit $got: $(cat stderr) — expected: $part"; bad=1; }
}
refuse_make "misspelt setting" "there is no setting als.factrs; did you mean als.factors?" run SET=als.factrs=3
refuse_make "misspelt word" "FACTORS: no such word" run FACTORS=3
refuse_make "unknown experiment" "configs/sampel.ini is not there; EXP is one of:" run EXP=sampel
refuse_make "no data" "data/README.md says how to get the data" run EXP=melon SET=playlists.input=data/no_such_file.json
[ -z "$(find out -name plan.mk -o -name done 2>/dev/null)" ] || { echo "make left: $(find out -type f)"; bad=1; }
mkdir -p out && (flock 9; refuse_make "two at once" "another run is at work" run; exit $bad) 9>out/.lock || bad=1

if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then
  /usr/bin/python3 "$OLDPWD/tests/e2e/bad_weights.py" . || exit 1
  "$train" faces --set faces.input=good.zip --out faces 2>stderr || { echo "good faces are refused: $(cat stderr)"; bad=1; }
  for kind in missing misshapen; do
    refuse "weights $kind in the stage" 4 "$kind.h5" features --in faces=faces --set "network.weights=$kind.h5" --set network.cut=block1_pool \
      --set preprocess.crop=centre
  done
  for kind in missing misshapen; do
    "$train" network --forward in.npy --weights "$kind.h5" --cut block1_pool --out out.npy 2>stderr; code=$?
    grep -q "^error: .*$kind.h5.*block1_conv2" stderr && [ $code -eq 4 ] || { echo "weights $kind: exit $code: $(cat stderr)"; bad=1; }
    [ ! -e out.npy ] || { echo "weights $kind: left out.npy"; bad=1; }
  done
fi
exit $bad
