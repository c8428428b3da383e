#!/usr/bin/env bash
# evaluate.external: the finished model on another data set. The held-out people given once more as that set get the figures that they had
# inside; class folders are mapped, what is not named is counted and left out; a changed file makes another identity; refusals.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
/usr/bin/python3 -c 'import h5py' 2>/dev/null || { echo "SKIP external: python3-h5py is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
say() { echo "$1"; cat "$scratch/log"; exit 1; }
common=(--set preprocess.crop=box,centre --set preprocess.size=32 --set network.cut=block1_pool --set network.weights=init --set emotion.average_pool=4
  --set emotion.epochs=5 --set evaluate.bootstrap=50 --set faces.frame_width=346 --set faces.frame_height=230)
stage() { local name=$1; shift; "$train" "$name" "${common[@]}" "$@" 2>"$scratch/log" || say "$name fails"; }
stage sample --out "$scratch/sample" --set sample.people=14 --set sample.pictures=9 --set sample.backgrounds=4 --set sample.playlists=50
stage faces --in sample="$scratch/sample" --out "$scratch/faces" --set faces.input=@sample/faces.zip
stage features --in faces="$scratch/faces" --out "$scratch/features" --set augment.copies=1
stage emotion --in features="$scratch/features" --out "$scratch/emotion"
ins=(--in faces="$scratch/faces" --in features="$scratch/features" --in emotion="$scratch/emotion" --in sample="$scratch/sample")
evaluate() { local out=$1; shift; "$train" evaluate "${common[@]}" "${ins[@]}" --set augment.copies=1 --out "$scratch/$out" "$@" 2>"$scratch/log"; }
judge() { /usr/bin/python3 tests/golden/external_check.py "$@" || say "$1"; }

# The same zip as another data set: all its people are judged, and the held-out ones get what they had inside, to the bit.
evaluate whole --set evaluate.external="$scratch/sample/faces.zip" || say "the whole set"
judge same "$scratch/whole" "$scratch/features/features.h5"
evaluate threads --set evaluate.external="$scratch/sample/faces.zip" --set run.threads=1 || say "one thread"
for name in predictions.tsv external_predictions.tsv external_skipped.tsv metrics.json; do cmp "$scratch/whole/$name" "$scratch/threads/$name"; done
evaluate drawn --set evaluate.external=@sample/faces.zip || say "a result of the stage sample"
cmp "$scratch/whole/external_predictions.tsv" "$scratch/drawn/external_predictions.tsv"
[ ! -e "$scratch/whole/external.part" ] || say "pictures are left behind"
evaluate none || say "no other set"
[ ! -e "$scratch/none/external_predictions.tsv" ] && ! grep -q '"external"' "$scratch/none/metrics.json" || say "figures of a set that was not given"

# Killed on its way, it ends with the same bytes and leaves nothing behind.
stops=0
for moment in 0.1 0.2 0.3 0.5; do
  { timeout -s KILL $moment "$train" evaluate "${common[@]}" "${ins[@]}" --set augment.copies=1 --out "$scratch/killed" \
    --set evaluate.external="$scratch/sample/faces.zip" >"$scratch/log" 2>&1; } 2>/dev/null || stops=$((stops + 1))
done
[ $stops -gt 0 ] || say "never killed"
[ -e "$scratch/killed/done" ] || evaluate killed --set evaluate.external="$scratch/sample/faces.zip" || say "does not go on"
cmp "$scratch/whole/external_predictions.tsv" "$scratch/killed/external_predictions.tsv"
[ ! -e "$scratch/killed/external.part" ] || say "pictures are left behind after a kill"

# Class folders with parts and names of their own, one of them a class that the model has not got, one picture broken.
judge folders "$scratch/sample/faces.zip" "$scratch/other.zip"
map=evaluate.external_classes=calm=neutral,smile=positive,laugh=positive
evaluate mapped --set evaluate.external="$scratch/other.zip" --set $map --set faces.max_skipped=0.2 --set faces.per_person_class=1 || say "class folders"
grep -q 'external: 5 pictures are left out, for no class of the model stands for theirs: frown 5' "$scratch/log" || say "no word of what is left out"
judge mapped "$scratch/mapped"
grep -q 'other.zip/test/calm/broken.jpg' "$scratch/mapped/external_skipped.tsv" || say "the broken picture is not named"

# Where the face stands there may be said apart.
evaluate framed --set evaluate.external="$scratch/other.zip" --set $map --set faces.max_skipped=0.2 --set evaluate.external_crop=centre \
  --set evaluate.external_centre=0.4 || say "a square of its own"
grep -q '"centre": 24,' "$scratch/framed/metrics.json" && cmp "$scratch/mapped/predictions.tsv" "$scratch/framed/predictions.tsv" || say "the square is not taken, or taken inside too"
! cmp -s "$scratch/mapped/external_predictions.tsv" "$scratch/framed/external_predictions.tsv" || say "the square changes nothing"

# The same name and other bytes: another identity of this stage alone.
printf '[faces]\ninput = %s\n[playlists]\ninput =\n[evaluate]\nexternal = %s\n' "$scratch/sample/faces.zip" "$scratch/other.zip" >"$scratch/plan.ini"
plan() { "$train" plan --config "$scratch/plan.ini" --store "$scratch/store" --out "$scratch/$1.mk" faces features:faces emotion:features evaluate:faces,features,emotion; }
plan one; plan two
cmp "$scratch/one.mk" "$scratch/two.mk"
judge folders "$scratch/sample/faces.zip" "$scratch/other.zip" 1
plan two
[ "$(diff "$scratch/one.mk" "$scratch/two.mk" | grep -c '^> ID_')" = 1 ] && diff "$scratch/one.mk" "$scratch/two.mk" | grep -q '^> ID_evaluate' || say "a changed file is not seen"

refused() { # status, words, settings…
  local want=$1 words=$2 got=0; shift 2
  evaluate bad "$@" || got=$?
  [ $got = "$want" ] && grep -qF -- "$words" "$scratch/log" || say "status $got, wanted $want and '$words'"
  [ ! -e "$scratch/bad/metrics.json" ] && [ ! -e "$scratch/bad/done" ] || say "figures in spite of it"
}
refused 3 "$scratch/nowhere.zip" --set evaluate.external="$scratch/nowhere.zip"
refused 2 "calm=glad: the model has no class 'glad'; it has neutral, positive, negative" --set evaluate.external="$scratch/other.zip" \
  --set evaluate.external_classes=calm=glad
refused 4 'none of its classes (calm, smile, laugh, frown) is named in evaluate.external_classes' --set evaluate.external="$scratch/other.zip"
refused 4 'pictures could not be read' --set evaluate.external="$scratch/other.zip" --set $map --set faces.max_skipped=0
refused 2 "was made with another 'preprocess'" --set evaluate.external="$scratch/other.zip" --set $map --set faces.max_skipped=0.2 --set preprocess.margin=0.3
"$train" evaluate --out "$scratch/empty" --set evaluate.external="$scratch/other.zip" 2>"$scratch/log" && say "judged without a model"
grep -q 'evaluate.external: there is no expression model' "$scratch/log" || say "no word of the missing model"
