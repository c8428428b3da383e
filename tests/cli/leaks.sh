#!/usr/bin/env bash
# A picture of the held-out part that is also trained on, and a person in two parts, fail the stage: the same file, and copies that were
# compressed again, moved by a pixel, scaled or lightened.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
/usr/bin/python3 -c 'import PIL, numpy, h5py' 2>/dev/null || { echo "SKIP leaks: python3-pil, python3-numpy or python3-h5py is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
say() { echo "$1"; cat "$scratch/log"; exit 1; }
/usr/bin/python3 - "$scratch" <<'END'
import os, sys
import numpy as np
from PIL import Image, ImageFilter
rng = np.random.default_rng(3)
def picture():  # smooth, as photographs are
    return Image.fromarray(rng.integers(0, 256, (9, 9, 3)).astype("u1")).resize((98, 98), Image.BICUBIC).filter(ImageFilter.GaussianBlur(2))
def cut(image, x, y):  # so that a moved copy has no edge
    return image.crop((x, y, x + 96, y + 96))
copies = {"plain": None, "same": lambda i: cut(i, 1, 1), "compressed": lambda i: cut(i, 1, 1), "moved": lambda i: cut(i, 2, 1), "moved_both": lambda i: cut(i, 0, 0),
          "scaled": lambda i: cut(i, 1, 1).resize((64, 64), Image.BICUBIC), "lighter": lambda i: cut(i, 1, 1).point(lambda v: int(20 + 0.85 * v))}
for kind, copy in copies.items():
    rng = np.random.default_rng(3)
    first = None
    for split, count in (("train", 8), ("validation", 4), ("test", 4)):
        for name in ("positive", "negative"):
            folder = os.path.join(sys.argv[1], kind, split, name)
            os.makedirs(folder)
            for i in range(count):
                image = picture()
                first = first or image
                planted = copy and (split, name, i) == ("test", "negative", 2)
                (copy(first) if planted else cut(image, 1, 1)).save(os.path.join(folder, f"{i}.jpg"), quality=30 if planted and kind == "compressed" else 90)
END
faces() { # kind settings…
  local kind=$1; shift
  "$train" faces --out "$scratch/f_$kind" --set faces.input="$scratch/$kind" --set faces.layout=folders --set faces.classes= --set faces.frame_width=96 \
    --set faces.frame_height=96 "$@" 2>"$scratch/log"
}
judge() { # kind policy
  "$train" evaluate --in faces="$scratch/f_$1" --out "$scratch/judged_$1_$2" --set evaluate.leaks="$2" 2>"$scratch/log"
}
for kind in plain same compressed moved moved_both scaled lighter; do
  faces $kind || say "faces $kind"
  status=0
  judge $kind error || status=$?
  if [ $kind = plain ]; then
    [ $status = 0 ] || say "pictures that differ are taken for the same"
    continue
  fi
  [ $status = 4 ] && grep -q "1 of 8 held-out pictures are also among those trained on, the first $kind/test/negative/2.jpg = $kind/train/positive/0.jpg" "$scratch/log" \
    || say "$kind: status $status"
  [ ! -e "$scratch/judged_${kind}_error/metrics.json" ] && [ ! -e "$scratch/judged_${kind}_error/done" ] || say "$kind: figures in spite of a leak"
done
judge moved report || say "evaluate.leaks = report"
judge moved ignore || say "evaluate.leaks = ignore"
/usr/bin/python3 - "$scratch/judged_moved_report/metrics.json" <<'END'
import json, sys
leaks = json.load(open(sys.argv[1]))["faces"]["leaks"]
assert (leaks["found"], leaks["held_out"]) == (1, 8), leaks
held, trained = leaks["pairs"][0]
assert "test/negative/2.jpg" in held and "train/positive/0.jpg" in trained, leaks
END

# Where copies are let stand, the figures without them stand beside, here and in the report.
small=(--set preprocess.crop=centre --set preprocess.size=32 --set network.cut=block1_pool --set network.weights=init --set emotion.average_pool=8 --set emotion.epochs=2)
"$train" features --in faces="$scratch/f_moved" --out "$scratch/ft_moved" "${small[@]}" 2>"$scratch/log" || say "features of the copies"
"$train" emotion --in features="$scratch/ft_moved" --out "$scratch/em_moved" "${small[@]}" 2>"$scratch/log" || say "emotion of the copies"
ins=(--in faces="$scratch/f_moved" --in features="$scratch/ft_moved" --in emotion="$scratch/em_moved")
"$train" evaluate "${ins[@]}" --out "$scratch/judged" "${small[@]}" --set evaluate.leaks=report --set evaluate.bootstrap=50 2>"$scratch/log" || say "figures beside a copy"
/usr/bin/python3 - "$scratch" <<'END'
import json, sys, h5py
test = json.load(open(sys.argv[1] + "/judged/metrics.json"))["emotion"]["test"]
with h5py.File(sys.argv[1] + "/ft_moved/features.h5") as file:
    raw, at = file["member/bytes"][:].tobytes(), file["member/offsets"][:]
lines = [line.split("\t") for line in open(sys.argv[1] + "/judged/predictions.tsv").read().splitlines()]
names, rows = lines[0][3:], lines[1:]
kept = [r for r in rows if not raw[at[int(r[0])]:at[int(r[0]) + 1]].decode().endswith("test/negative/2.jpg")]
assert len(kept) == len(rows) - 1 == 7 == test["without_copies"]["pictures"], test["without_copies"]
right = sum(names[max(range(len(names)), key=lambda c: float(r[3 + c]))] == r[2] for r in kept)
assert abs(test["without_copies"]["accuracy"] - right / 7) < 1e-6, (right, test["without_copies"])
END
"$train" report --in evaluate="$scratch/judged" "${ins[@]}" --out "$scratch/report" 2>"$scratch/log" || say "report"
grep -q '1 of the 8 held-out pictures are copies of some that were trained on' "$scratch/report/index.html" || say "the report does not tell of the copies"

# A person whom the data set itself puts into two parts.
mkdir "$scratch/people" && cp -r "$scratch/plain/." "$scratch/people"
mv "$scratch/people/train/positive/0.jpg" "$scratch/people/train/positive/anna_0.jpg"
mv "$scratch/people/test/negative/1.jpg" "$scratch/people/test/negative/anna_1.jpg"
status=0
faces people --set faces.person_pattern='([a-z]+)_[0-9]+[.]jpg$' || status=$?
[ $status = 4 ] && grep -q 'person anna stands in two parts' "$scratch/log" || say "a person in two parts: status $status"
[ ! -e "$scratch/f_people/faces.h5" ] || say "faces.h5 in spite of it"

# And one who came into features.h5 twice afterwards.
"$train" features --in faces="$scratch/f_plain" --out "$scratch/features" "${small[@]}" 2>"$scratch/log" || say "features"
"$train" emotion --in features="$scratch/features" --out "$scratch/emotion" "${small[@]}" 2>"$scratch/log" || say "emotion"
judge_people() { "$train" evaluate --in features="$scratch/features" --in emotion="$scratch/emotion" --out "$scratch/$1" "${small[@]}" --set evaluate.bootstrap=50 2>"$scratch/log"; }
judge_people honest || say "evaluate"
/usr/bin/python3 - "$scratch/features/features.h5" <<'END'
import sys, h5py, numpy as np
with h5py.File(sys.argv[1], "r+") as file:
    person, split = file["person"][...], file["split"][...]
    person[np.flatnonzero(split == 2)[0]] = person[np.flatnonzero(split == 0)[0]]
    file["person"][...] = person
END
status=0
judge_people twice || status=$?
[ $status = 4 ] && grep -q 'is both in training and held out: no figure could be trusted' "$scratch/log" || say "a person on both sides: status $status"
[ ! -e "$scratch/twice/metrics.json" ] || say "figures in spite of it"
