#!/usr/bin/env bash
# report.faces: without it the page has ids and no picture of anybody; with it the surest errors and what the cascade finds, each picture
# the one that its caption names. The figures on another data set stand beside the inner ones, on the page and in the model card.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
command -v gnuplot >/dev/null || { echo "SKIP report_faces: gnuplot is not installed"; exit 77; }
/usr/bin/python3 -c 'import h5py, cv2' 2>/dev/null || { echo "SKIP report_faces: python3-h5py or python3-opencv is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
say() { echo "$1"; cat "$scratch/log"; exit 1; }
common=(--set preprocess.crop=cascade,centre --set preprocess.size=32 --set network.cut=block1_pool --set network.weights=init
  --set emotion.average_pool=8 --set emotion.epochs=6 --set emotion.learning_rate=0.02 --set emotion.l2=0.0001 --set run.seed=4 --set evaluate.bootstrap=50 --set faces.frame_width=200 --set faces.frame_height=140
  --set cascade.backgrounds=@sample/backgrounds.zip --set cascade.num_pos=40 --set cascade.num_neg=60 --set cascade.stages=3)
ins=()
stage() { # name out settings…
  local name=$1 out=$2; shift 2
  "$train" "$name" "${common[@]}" "${ins[@]}" --out "$scratch/$out" "$@" 2>"$scratch/log" || say "$name fails"
}
for name in sample faces cascade features emotion; do
  stage $name $name --set sample.people=14 --set sample.pictures=9 --set sample.backgrounds=16 --set sample.playlists=50 --set faces.input=@sample/faces.zip
  ins+=(--in $name="$scratch/$name")
done
stage evaluate evaluate --set evaluate.external="$scratch/sample/faces.zip" --set evaluate.external_classes=E01=neutral,E02=positive
ins+=(--in evaluate="$scratch/evaluate")
stage report no
stage report yes --set report.faces=yes
stage report again --set report.faces=yes --set run.threads=1
cmp "$scratch/yes/index.html" "$scratch/again/index.html"
cmp "$scratch/yes/model_card.md" "$scratch/no/model_card.md"
/usr/bin/python3 tests/golden/report_faces_check.py "$scratch"
for word in 'On another data set' 'The finished model on faces.zip' 'E02 as positive' 'E03 42' 'people held out' 'other data set'; do
  grep -qF "$word" "$scratch/no/index.html" || { echo "the page does not say: $word"; exit 1; }
done
grep -q '| balanced accuracy, another data set | 0\.[0-9]* | 0\.' "$scratch/no/model_card.md" && grep -q 'dataset: {type: private, name: "faces.zip"}' "$scratch/no/model_card.md" \
  || { echo "the model card does not know of the other data set"; exit 1; }
/usr/bin/python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]).read().split("---")[1])' "$scratch/no/model_card.md" 2>"$scratch/log" \
  || grep -q "No module named 'yaml'" "$scratch/log" || say "the card's front matter is no YAML"

# The stage's identity knows the setting.
printf '[faces]\ninput = %s\n[playlists]\ninput =\n' "$scratch/sample/faces.zip" >"$scratch/plan.ini"
for faces in no yes; do
  "$train" plan --config "$scratch/plan.ini" --set report.faces=$faces --store "$scratch/store" --out "$scratch/$faces.mk" faces features:faces emotion:features \
    evaluate:faces,features,emotion report:faces,features,emotion,evaluate
done
[ "$(diff "$scratch/no.mk" "$scratch/yes.mk" | grep -c '^> ID_')" = 1 ] && diff "$scratch/no.mk" "$scratch/yes.mk" | grep -q '^> ID_report' || { echo "report.faces is not seen"; exit 1; }

browser=$(command -v chromium || command -v chromium-browser || true)
[ -n "$browser" ] || { echo "SKIP report_faces browser: chromium is not installed"; exit 77; }
for width in 400 1400; do
  "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" --window-size=$width,9000 --enable-logging=stderr --hide-scrollbars \
    --screenshot="$scratch/$width.png" "file://$scratch/yes/index.html" >/dev/null 2>"$scratch/console"
  ! grep -q CONSOLE "$scratch/console" || { grep CONSOLE "$scratch/console"; exit 1; }
  if [ -n "${MOODCAST_SHOTS:-}" ]; then cp "$scratch/$width.png" "$MOODCAST_SHOTS/faces-$width.png"; fi
done
