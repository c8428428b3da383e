#!/usr/bin/env bash
# network.precision = fp16: features within 3e-3 of fp32's, and a head that was trained on fp32's gives the same verdict on at least 99.5 % of
# real faces; the bundle says what it was made with; refused, with a sentence, where there is no F16C.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
quiet() { "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo "failed: $*"; exit 1; }; }
quiet "$train" sample --out "$scratch/sample" --set sample.people=6 --set sample.pictures=3 --set sample.backgrounds=4 --set sample.playlists=50
quiet "$train" faces --out "$scratch/drawn" --in sample="$scratch/sample" --set faces.input=@sample/faces.zip
status=0
MOODCAST_CPU=baseline "$train" features --in faces="$scratch/drawn" --out "$scratch/refused" --set network.cut=block2_pool --set preprocess.crop=centre \
  --set network.precision=fp16 2>"$scratch/log" || status=$?
[ $status = 2 ] && grep -q 'float16 kernels need a CPU with AVX2 and F16C; use network.precision = fp32' "$scratch/log" || { echo "baseline: status $status"; cat "$scratch/log"; exit 1; }
[ ! -e "$scratch/refused/features.h5" ] || { echo "a half-written result"; exit 1; }
grep -q f16c /proc/cpuinfo || { echo "SKIP precision: this CPU has no F16C"; exit 77; }
[ -n "${MOODCAST_DATA:-}" ] || { echo "SKIP precision on real faces: MOODCAST_DATA is not set"; exit 77; }
/usr/bin/python3 -c 'import h5py' 2>/dev/null || { echo "SKIP precision on real faces: python3-h5py is not installed"; exit 77; }
export MOODCAST_DATA
quiet "$train" faces --config configs/real.ini --out "$scratch/faces" --set faces.people_share=0.5
for precision in fp32 fp16; do
  quiet "$train" features --config configs/real.ini --in faces="$scratch/faces" --out "$scratch/$precision" --set augment.copies=0 --set network.precision=$precision
done
quiet "$train" emotion --config configs/real.ini --in features="$scratch/fp32" --out "$scratch/emotion" --set emotion.folds=0
/usr/bin/python3 - "$scratch" <<'END'
import h5py, numpy as np, sys
folder = sys.argv[1]
a, b = (h5py.File(f"{folder}/{p}/features.h5") for p in ("fp32", "fp16"))
assert b.attrs["precision"] in ("fp16", b"fp16"), b.attrs["precision"]
x, y = a["features"][:].astype("f8"), b["features"][:].astype("f8")
error = np.linalg.norm(x - y) / np.linalg.norm(x)
dense = {}
with h5py.File(folder + "/emotion/emotion.h5") as f:
    f["model_weights"].visititems(lambda n, v: dense.__setitem__(v.ndim, v[:]) if isinstance(v, h5py.Dataset) and "dense" in n else None)
def verdicts(maps):
    n, h, w, c = maps.shape; k = 3
    rows = maps[:, :h // k * k, :w // k * k].reshape(n, h // k, k, w // k, k, c).mean((2, 4)).reshape(n, -1)
    return (rows @ dense[2] + dense[1]).argmax(1)
same = (verdicts(x) == verdicts(y)).mean()
print(f"{len(x)} real faces, block3_pool: relative L2 error {error:.1e}, {100 * same:.2f} % of verdicts the same")
assert 1e-6 < error < 3e-3 and same >= 0.995
END
