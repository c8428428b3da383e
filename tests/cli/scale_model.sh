#!/usr/bin/env bash
# The cost model of pipeline/SCALE.md finds the terms that points were made of, none below zero, and needs less time on more nodes where nothing but shared work is.
set -eu
cd "$(dirname "$0")/../.."
python=/usr/bin/python3
$python -c 'import numpy' 2>/dev/null || { echo "SKIP scale_model: python3-numpy is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
PYTHONPATH=tests/peers PYTHONDONTWRITEBYTECODE=1 $python - <<'END_PYTHON'
import scale_model as model

terms = [0.5, 2e-4, 3e-3, 0]
points = {(n, x, 0): sum(t * c for t, c in zip(terms, model.columns(n, x, 0))) for n in (1, 2) for x in (1000, 2000, 4000)}
found, difference = model.fit(points)
assert all(abs(f - t) <= 1e-6 * (t + 1e-3) for f, t in zip(found, terms)) and abs(difference).max() < 1e-9, found
# With steps: what every step costs, what a picture does, and what ranks add to a step.
terms = [1, 0.09, 0.01, 0.005]
points = {(n, x, s): sum(t * c for t, c in zip(terms, model.columns(n, x, s))) for n in (1, 2) for x, s in ((336, 12), (672, 22), (672, 42), (1344, 42))}
found, _ = model.fit(points)
assert all(abs(f - t) < 1e-6 for f, t in zip(found, terms)), found
# Two ranks that take less than half of one's time: no term becomes negative.
found, _ = model.fit({(n, x, 0): 0.003 * x / n * (0.9 if n > 1 else 1) for n in (1, 2) for x in (1000, 2000, 4000)})
assert (found >= 0).all() and found[1] == 0, found
# Two ranks exchange as many bytes as there are; sums take twice that; mining stops when there are enough.
assert model.gathered(100, 2) == 100 and model.summed(100, 2) == 200 and model.mined(300, 155, 2) == 768 and model.mined(4000, 1000, 16) == 12000
END_PYTHON
for stage in faces features head cascade; do printf '%s\t%d\t%d\t0\t%f\n' $stage 1 1000 2 $stage 2 1000 1 $stage 1 4000 8 $stage 2 4000 4; done >"$scratch/points"
$python tests/peers/scale_model.py --nodes 1,16 "$scratch/points" >"$scratch/told"
awk '/^features +1 node/ { one = $4 } /^features +16 nodes/ { many = $4 } END { exit !(one > many && many > 0) }' "$scratch/told" || { cat "$scratch/told"; exit 1; }
