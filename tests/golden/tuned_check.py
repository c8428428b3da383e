"""predictions.tsv beside the tuned model in emotion.h5: the network run by `moodcast-train network` on the pictures' tensors
(features.h5 of trainable = all) with the weights out of emotion.h5, the head in NumPy."""
import os, subprocess, sys, tempfile
import h5py, numpy as np

faces, pictures, model, predictions, train = sys.argv[1:6]
with h5py.File(pictures) as f:
    tensors, split = f["features"][:], f["split"][:]
    assert f.attrs["cut"] in ("input", b"input"), f.attrs["cut"]
test = np.flatnonzero(split == 2)
with tempfile.TemporaryDirectory() as folder:
    np.save(folder + "/in.npy", tensors[test].astype(np.float32))
    subprocess.run([train, "network", "--forward", folder + "/in.npy", "--weights", model, "--cut", "block2_pool", "--out", folder + "/out.npy"],
                   check=True, stderr=subprocess.DEVNULL)
    maps = np.load(folder + "/out.npy")
with h5py.File(model) as f:
    weights = f["model_weights"]
    dense = {}
    weights.visititems(lambda name, item: dense.__setitem__(name, item[:]) if isinstance(item, h5py.Dataset) and "dense" in name else None)
kernel = next(v for v in dense.values() if v.ndim == 2)
bias = next(v for v in dense.values() if v.ndim == 1)
k = 4
n, h, w, c = maps.shape
pooled = maps[:, :h // k * k, :w // k * k].reshape(n, h // k, k, w // k, k, c).mean((2, 4)).reshape(n, -1)
scores = pooled.astype(np.float64) @ kernel + bias
p = np.exp(scores - scores.max(1, keepdims=True)); p /= p.sum(1, keepdims=True)
lines = [l.rstrip("\n").split("\t") for l in open(predictions)]
head, lines = lines[0], lines[1:]
rows = [int(l[0]) for l in lines]
assert rows == test.tolist(), "other rows are judged"
got = np.array([[float(v) for v in l[-p.shape[1]:]] for l in lines])
worst = np.abs(got - p).max()
print(f"{n} held-out faces, largest difference of a probability {worst:.1e}")
assert worst < 1e-4, worst
