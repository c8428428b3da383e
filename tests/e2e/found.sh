#!/usr/bin/env bash
# What evaluation says of faces as the detector finds them is what `moodcast analyze` with the packed bundle says of the same pictures; the
# same on any number of threads; the report tells both figures. And with the square in the middle it is what the model does on features of
# such squares.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
/usr/bin/python3 -c 'import h5py' 2>/dev/null || { echo "SKIP found: python3-h5py is not installed"; exit 77; }
# A picture that fits into its frame is the same in faces.h5 and for `analyze`.
job sample.width=160 sample.height=160 faces.frame_width=160 faces.frame_height=160 preprocess.crop=box preprocess.detect_min_size=124 sample.people=20
exp=$scratch/out/sample
/usr/bin/python3 - "$exp" "$scratch/pictures" "$scratch/truth.json" <<'END'
import io, json, os, sys, zipfile
import h5py
exp, folder, truth = sys.argv[1:]
os.makedirs(folder)
with h5py.File(exp + "/faces/faces.h5") as f:
    split, label = f["split"][:], f["label"][:]
    raw, at = f["member/bytes"][:].tobytes(), f["member/offsets"][:]
    classes = [c.decode() if isinstance(c, bytes) else c for c in f.attrs["classes"]]
    members = [raw[at[i]:at[i + 1]].decode() for i in range(len(split))]
outer, told = zipfile.ZipFile(exp + "/sample/faces.zip"), {}
for i in range(len(split)):
    if split[i] != 2:
        continue
    first, second, name = members[i].split(".zip/")
    inner = next(n for n in outer.namelist() if n.endswith(second + ".zip"))
    archive = zipfile.ZipFile(io.BytesIO(outer.read(inner)))
    name = next(n for n in archive.namelist() if n.endswith(name))
    with open(f"{folder}/{i}.jpg", "wb") as out:
        out.write(archive.read(name))
    told[f"{folder}/{i}.jpg"] = classes[label[i]]
json.dump(told, open(truth, "w"))
END
"$MOODCAST_BIN/moodcast" analyze --bundle "$exp/bundle" "$scratch"/pictures/*.jpg >"$scratch/analyzed"
/usr/bin/python3 - "$exp/metrics.json" "$scratch/truth.json" "$scratch/analyzed" <<'END'
import json, sys
test = json.load(open(sys.argv[1]))["emotion"]["test"]
truth, found = json.load(open(sys.argv[2])), test["found"]
right, seen, of = {}, 0, {}
for line in open(sys.argv[3]):
    picture = json.loads(line)
    label = truth.pop(picture["image"])
    of[label] = of.get(label, 0) + 1
    seen += bool(picture["faces"])
    right[label] = right.get(label, 0) + (bool(picture["faces"]) and picture["faces"][0]["label"] == label)
assert not truth and 0 < seen < sum(of.values()), "all or none of the pictures have a face: the count of those without is not tested"
n = sum(of.values())
print(f"{n} held-out pictures, no face in {n - seen}: accuracy {sum(right.values()) / n:.3f}, evaluation says {found['accuracy']:.3f}")
assert found["pictures"] == n and found["no_face"] == n - seen, found
assert abs(found["accuracy"] - sum(right.values()) / n) < 1e-6, found
assert abs(found["balanced_accuracy"] - sum(right[c] / of[c] for c in of) / len(of)) < 1e-6, found
for label in of:
    assert abs(found["recall"][label] - right[label] / of[label]) < 1e-6, found
END
grep -q 'As the detector alone finds the faces' "$exp/report/index.html" || { echo "the report does not tell it"; exit 1; }
for threads in 1 2; do
  "$MOODCAST_BIN/moodcast-train" evaluate --config "$exp/config.ini" --set run.threads=$threads --in sample="$exp/sample" --in faces="$exp/faces" --in cascade="$exp/cascade" \
    --in features="$exp/features" --in emotion="$exp/emotion" --out "$scratch/judged$threads" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
done
cmp "$scratch/judged1/metrics.json" "$scratch/judged2/metrics.json"

# Trained with the square as the last resort: `square` is the figure of the same model on nothing but squares.
stage() { local name=$1; shift; "$MOODCAST_BIN/moodcast-train" "$name" --config "$exp/config.ini" --in sample="$exp/sample" --in faces="$exp/faces" \
  --in cascade="$exp/cascade" --set network.cut=block2_pool --set preprocess.size=64 "$@" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }; }
stage features --set preprocess.crop=cascade,centre --out "$scratch/either"
stage features --set preprocess.crop=centre --out "$scratch/squares"
stage emotion --in features="$scratch/either" --set preprocess.crop=cascade,centre --out "$scratch/model"
for kind in either squares; do stage evaluate --in features="$scratch/$kind" --in emotion="$scratch/model" --out "$scratch/of_$kind"; done
/usr/bin/python3 - "$scratch" <<'END'
import json, sys
either, squares = (json.load(open(f"{sys.argv[1]}/of_{kind}/metrics.json"))["emotion"]["test"] for kind in ("either", "squares"))
square, found = either["square"], either["found"]
for key in ("accuracy", "balanced_accuracy"):
    assert abs(square[key] - squares[key]) < 1e-6, (key, square, squares[key])
assert abs(square["of_found"]["calibration_error"] - squares["calibration_error"]) < 1e-6, (square, squares["calibration_error"])
for name, share in square["of_found"]["predicted_share"].items():
    assert abs(share - squares["classes"][name]["predicted_share"]) < 1e-6, (name, share)
assert square["no_face"] == 0 and square != found, (square, found)
END
