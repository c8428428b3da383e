"""Judge of the stage `emotion`: makes a features.h5, reads emotion.h5 in the order in which Keras reads it, and rebuilds the model.

make FOLDER             features.h5 of generated maps (32×32 pictures cut at block1_pool: 16×16×64), some classes hard to tell
check FOLDER MODEL TSV  the model's structure; its head against predictions.tsv; the whole network against PyTorch, from the file alone;
                        scikit-learn's multinomial logistic regression on the same features as the mark to reach
"""
import json
import os
import sys

import h5py
import numpy as np

SIZE, CLASSES, PEOPLE, SHOTS = 32, ["neutral", "positive", "negative"], 60, 12


def make(folder):
    rng = np.random.default_rng(7)
    n = PEOPLE * SHOTS
    label = np.arange(n) % 3
    person = np.arange(n) // SHOTS
    split = np.where(person < 36, 0, np.where(person < 44, 1, 2))
    directions = rng.normal(size=(3, 8, 8, 64))
    own = rng.normal(size=(PEOPLE, 8, 8, 64))
    maps = 0.10 * directions[label] + 0.5 * own[person] + rng.normal(size=(n, 8, 8, 64))
    maps = np.repeat(np.repeat(maps, 2, axis=1), 2, axis=2) + 0.5 * rng.normal(size=(n, 16, 16, 64))
    maps = np.maximum(maps * np.exp(rng.normal(size=64)), 0).astype("f4")  # channels of very different spread, as after a ReLU
    with h5py.File(os.path.join(folder, "features.h5"), "w") as f:
        f["features"] = maps
        f["label"] = label.astype("i4")
        f["split"] = split.astype("u1")
        f["person"] = np.array([b"%08d" % p for p in person])
        f.attrs["classes"] = np.array([c.encode() for c in CLASSES])
        for name, text in (("cut", "block1_pool"), ("pretrained", "none"), ("weights_sha256", "")):
            f.attrs[name] = np.bytes_(text)
        f.attrs["synthetic"] = 1.0
        f.attrs["preprocess"] = np.bytes_(json.dumps(PREPROCESS))


PREPROCESS = json.loads(os.environ.get("PREPROCESS", "{}"))


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def keras_weights(f):
    """load_weights_from_hdf5_group: layer_names, then each layer's weight_names, then the arrays."""
    group = f["model_weights"]
    layers = [n.decode() for n in group.attrs["layer_names"]]  # Keras <= 2.3 decodes: they must be bytes
    return {name: [(w.decode(), np.asarray(group[name][w])) for w in group[name].attrs["weight_names"]] for name in layers}


def check_structure(f, weights, pool):
    for name in ("keras_version", "backend", "model_config"):
        assert isinstance(f.attrs[name], (bytes, np.bytes_)), f"{name} is not a fixed-length string"
    config = json.loads(f.attrs["model_config"].decode())
    assert config["class_name"] == "Sequential"
    layers = config["config"]["layers"]
    kinds = [layer["class_name"] for layer in layers]
    assert kinds == ["Model"] + (["AveragePooling2D"] if pool > 1 else []) + ["Flatten", "Dense"], kinds
    assert [layer["config"]["name"] for layer in layers] == list(weights), "layer_names differ from model_config"
    inner = layers[0]["config"]["layers"]
    assert inner[0]["config"]["batch_input_shape"] == [None, SIZE, SIZE, 3]
    convolutions = [layer["name"] for layer in inner if layer["class_name"] == "Conv2D"]
    names = [n for n, _ in weights["vgg16"]]
    assert names == [f"{c}/{w}:0" for c in convolutions for w in ("kernel", "bias")], names
    assert layers[-1]["config"]["activation"] == "softmax" and layers[-1]["config"]["units"] == len(CLASSES)
    assert [text(c) for c in f.attrs["moodcast_classes"]] == CLASSES
    for layer in inner[1:]:
        assert layer["inbound_nodes"][0][0][0] in [other["name"] for other in inner]


def average(maps, k):
    n, h, w, c = maps.shape
    return maps[:, : h // k * k, : w // k * k].reshape(n, h // k, k, w // k, k, c).mean(axis=(2, 4))


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def head(weights, maps, pool):
    (_, kernel), (_, bias) = weights["dense_1"]
    return softmax(average(maps, max(pool, 1)).reshape(len(maps), -1).astype("f8") @ kernel.astype("f8") + bias)


def check_network(weights, pool):
    """Pictures through the file's own convolutions in PyTorch: the whole model runs, and its answers differ by picture."""
    try:
        import torch
    except ImportError:
        print("SKIP emotion_h5py network: python3-torch is not installed")
        return
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 3, SIZE, SIZE)).astype("f4") * 60)
    arrays = [a for _, a in weights["vgg16"]]
    for kernel, bias in zip(arrays[::2], arrays[1::2]):
        x = torch.relu(torch.nn.functional.conv2d(x, torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()), torch.from_numpy(bias), padding=1))
    x = torch.nn.functional.max_pool2d(x, 2).permute(0, 2, 3, 1)
    if pool > 1:
        x = torch.nn.functional.avg_pool2d(x.permute(0, 3, 1, 2), pool).permute(0, 2, 3, 1)
    (_, kernel), (_, bias) = weights["dense_1"]
    logits = (x.reshape(4, -1) @ torch.from_numpy(kernel) + torch.from_numpy(bias)).numpy()
    assert np.isfinite(logits).all() and np.ptp(logits, axis=0).max() > 1e-3, logits


def check_quality(maps, label, split, pool, own):
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import balanced_accuracy_score
    except ImportError:
        print("SKIP emotion_h5py quality: python3-sklearn is not installed")
        return
    x = average(maps, max(pool, 1)).reshape(len(maps), -1)
    x = (x - x[split == 0].mean(axis=0)) / x[split == 0].std(axis=0)
    best = None
    for c in (1e-4, 1e-3, 1e-2, 1e-1):
        model = LogisticRegression(C=c, class_weight="balanced", max_iter=300).fit(x[split == 0], label[split == 0])
        found = balanced_accuracy_score(label[split == 1], model.predict(x[split == 1]))
        if best is None or found > best[0]:
            best = (found, balanced_accuracy_score(label[split == 2], model.predict(x[split == 2])), c)
    mine = balanced_accuracy_score(label[split == 2], own.argmax(axis=1))
    print(f"held out: moodcast {mine:.3f}, scikit-learn {best[1]:.3f} (C {best[2]:g})")
    assert mine > 0.45, "no better than chance"
    assert best[1] - mine <= 0.01, "logistic regression is better by more than one point"


def check(folder, model, predictions):
    with h5py.File(os.path.join(folder, "features.h5")) as f:
        maps, label, split = f["features"][:], f["label"][:], f["split"][:]
    with h5py.File(model) as f:
        weights = keras_weights(f)
        pool = int(f.attrs["moodcast_average_pool"])
        check_structure(f, weights, pool)
    rows = [line.rstrip("\n").split("\t") for line in open(predictions, encoding="utf-8")]
    assert rows[0][3:] == CLASSES
    assert [int(r[0]) for r in rows[1:]] == list(np.flatnonzero(split == 2))
    own = np.array([[float(v) for v in r[3:]] for r in rows[1:]])
    rebuilt = head(weights, maps[split == 2], pool)
    worst = np.abs(own - rebuilt).max()
    print(f"probabilities of the file and of the program differ by at most {worst:.2g}")
    assert worst < 1e-5
    check_network(weights, pool)
    check_quality(maps, label, split, pool, own)


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
