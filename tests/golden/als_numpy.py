"""Judge of the stage `als`: the same objective in float64 with NumPy and SciPy.

make DIR           writes DIR/playlists.h5 (400 playlists, 600 songs, long tails, some playlists without songs) as the stage `playlists` does
check DIR ONE ALL CONFIDENCE FACTORS ITERATIONS
                   ONE and ALL are results of one iteration and of ITERATIONS. From the item factors of ONE the remaining iterations are done
                   in float64; scores and losses must agree with ALL. Also: als.npz opens as it should, loss.jsonl never rises, the loss it
                   ends with is that of its factors.
Written for NumPy 1.24, SciPy 1.10, h5py 3.7.
"""
import json
import sys

import h5py
import numpy as np
from scipy import sparse

REGULARIZATION, ALPHA = 0.08, 1.0


def table(group, name, texts):
    data = [t.encode() for t in texts]
    group[f"{name}/bytes"] = np.frombuffer(b"".join(data), np.uint8)
    group[f"{name}/offsets"] = np.cumsum([0] + [len(d) for d in data]).astype(np.int64)


def make(folder):
    rng = np.random.default_rng(1)
    playlists, songs, tags = 400, 600, 5
    rows, held = [], []
    for p in range(playlists):
        count = 0 if p % 50 == 7 else min(songs, int(rng.pareto(1.2) * 6) + 1)
        weight = 1.0 / (1 + np.arange(songs)) ** 0.6
        row = np.sort(rng.choice(songs, count, replace=False, p=weight / weight.sum()))
        rows.append(row)
        held.append((rng.random(count) < 0.5) if p % 10 == 3 else np.zeros(count, bool))
    likes = (rng.pareto(0.8, playlists) * 5).astype(np.int64)
    split = np.where(np.arange(playlists) % 10 == 3, 2, 0).astype(np.uint8)
    with h5py.File(f"{folder}/playlists.h5", "w") as f:
        f["playlist/id"] = np.arange(playlists, dtype=np.int64) * 3
        f["playlist/likes"] = likes
        f["playlist/split"] = split
        f["playlist/mask"] = np.where(split == 2, 1, 0).astype(np.uint8)
        table(f, "playlist/title", [f"제목 {p}" for p in range(playlists)])
        f["playlist_songs/start"] = np.cumsum([0] + [len(r) for r in rows]).astype(np.int64)
        f["playlist_songs/index"] = np.concatenate(rows).astype(np.int32)
        f["playlist_songs/held"] = np.concatenate(held).astype(np.uint8)
        f["playlist_tags/start"] = np.arange(playlists + 1, dtype=np.int64)
        f["playlist_tags/index"] = (np.arange(playlists) % tags).astype(np.int32)
        f["playlist_tags/held"] = (split == 2).astype(np.uint8)
        table(f, "tag/name", [f"tag{t}" for t in range(tags)])
        table(f, "tag/display", [f"Tag{t}" for t in range(tags)])
        f["tag/count"] = np.bincount((np.arange(playlists) % tags)[split == 0], minlength=tags).astype(np.int64)
        f["song/id"] = np.arange(songs, dtype=np.int64) * 7 + 1
        f["song/album"] = np.full(songs, -1, dtype=np.int64)
        table(f, "song/name", [f"song {s}" for s in range(songs)])
        table(f, "song/artist", ["" for _ in range(songs - 1)] + ["가수"])
        f.attrs["synthetic"] = 0.0


def load_matrix(folder):
    with h5py.File(f"{folder}/playlists.h5") as f:
        start, index = f["playlist_songs/start"][:], f["playlist_songs/index"][:]
        shown = f["playlist_songs/held"][:] == 0
        row = np.repeat(np.arange(len(start) - 1), np.diff(start))
        likes = f["playlist/likes"][:].astype(float)[row]
        shape = (len(start) - 1, len(f["song/id"]))
        return row[shown], index[shown], likes[shown], shape


def extra_confidence(row, column, likes, shape, kind):
    """confidence − 1 of every entry."""
    if kind == "raw":
        return ALPHA * likes
    if kind == "log":
        return ALPHA * np.log1p(likes)
    if kind == "minmax":
        return ALPHA * (likes - likes.min()) / (likes.max() - likes.min())
    length = np.bincount(row, minlength=shape[0]).astype(float)
    users = np.count_nonzero(length)
    n = np.bincount(column, minlength=shape[1])
    idf = np.log(1 + (users - n + 0.5) / (n + 0.5))
    norm = 1 - 0.75 + 0.75 * length[row] / (len(row) / users)
    return ALPHA * (1 + np.log1p(likes)) * idf[column] * 2.2 / (1 + 1.2 * norm)


def half_step(weight, pattern, fixed):
    gram = fixed.T @ fixed + REGULARIZATION * np.eye(fixed.shape[1])
    solved = np.zeros((pattern.shape[0], fixed.shape[1]))
    for u in range(pattern.shape[0]):
        span = slice(pattern.indptr[u], pattern.indptr[u + 1])
        y, w = fixed[pattern.indices[span]], weight[pattern.data[span]]
        if len(w):
            solved[u] = np.linalg.solve(gram + (y.T * w) @ y, y.T @ (1 + w))
    return solved


def loss_of(user, item, row, column, weight):
    score = np.einsum("nf,nf->n", user[row], item[column])
    entries = ((1 + weight) * (1 - score) ** 2 - score**2).sum()
    return np.sum((user.T @ user) * (item.T @ item)) + entries + REGULARIZATION * ((user**2).sum() + (item**2).sum())


def need(condition, text):
    if not condition:
        sys.exit(f"als_numpy: {text}")


def open_model(folder, factors, iterations, shape):
    model = np.load(f"{folder}/als.npz")
    names = {"user_factors", "item_factors", "factors", "regularization", "alpha", "iterations", "dtype"}
    need(set(model.files) == names, f"als.npz holds {sorted(model.files)}")
    need(model["user_factors"].dtype == np.float32 and model["user_factors"].shape == (shape[0], factors), "user_factors")
    need(model["item_factors"].dtype == np.float32 and model["item_factors"].shape == (shape[1], factors), "item_factors")
    need(model["factors"].item() == factors and model["iterations"].item() == iterations, "factors or iterations")
    need(model["regularization"].item() == REGULARIZATION and model["alpha"].item() == ALPHA, "regularization or alpha")
    name = model["dtype"].item()
    need(np.dtype(name.decode() if isinstance(name, bytes) else name) == np.float32, f"dtype {name!r}")
    losses = [json.loads(line) for line in open(f"{folder}/loss.jsonl", encoding="utf-8")]
    need([entry["iteration"] for entry in losses] == list(range(1, iterations + 1)), "iterations in loss.jsonl")
    return model["user_factors"].astype(float), model["item_factors"].astype(float), [entry["loss"] for entry in losses]


def check(folder, one, all_, kind, factors, iterations):
    row, column, likes, shape = load_matrix(folder)
    weight = extra_confidence(row, column, likes, shape, kind)
    # The pattern's data are places in `weight` (plus nothing): explicit zeros would be lost otherwise.
    by_user = sparse.csr_matrix((np.arange(len(row)), (row, column)), shape)
    by_item = sparse.csr_matrix((np.arange(len(row)), (column, row)), shape[::-1])
    user, item, losses = open_model(one, factors, 1, shape)
    wanted = [losses[0]]
    for _ in range(iterations - 1):
        user = half_step(weight, by_user, item)
        item = half_step(weight, by_item, user)
        wanted.append(loss_of(user, item, row, column, weight))
    own_user, own_item, own = open_model(all_, factors, iterations, shape)
    need(np.allclose(own, wanted, rtol=2e-5), f"{kind}: losses {own} where float64 finds {wanted}")
    need(all(b <= a * (1 + 1e-6) for a, b in zip(own, own[1:])), f"{kind}: the loss rises: {own}")
    direct = loss_of(own_user, own_item, row, column, weight)
    need(abs(direct - own[-1]) <= 1e-6 * direct, f"{kind}: the loss of the factors is {direct}, the file says {own[-1]}")
    scores, reference = own_user @ own_item.T, user @ item.T
    error = np.linalg.norm(scores - reference) / np.linalg.norm(reference)
    need(error < 1e-3, f"{kind}: scores differ by {error:.2e}")
    print(f"als_numpy: {kind}, {factors} factors: loss {own[-1]:.6g}, scores within {error:.1e} of float64")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        check(*sys.argv[2:6], int(sys.argv[6]), int(sys.argv[7]))
