"""The factors that tests/unit/test_new_songs.c expects: new songs by their tags, in float64, straight from the formula in src/recsys/recsys.h.

Prints them as C. Written for NumPy 1.24.
"""
import numpy as np

ITEMS, FACTORS, TAGS, FRESH = 12, 4, 5, 3
y = np.array([[np.sin(1 + i * FACTORS + k) * (1 + i % 3) for k in range(FACTORS)] for i in range(ITEMS)], np.float32).astype(float)
y[7] = 0  # one that no playlist shows
known = np.array([[(i * 7 + t * 3) % 4 < 2 for t in range(TAGS)] for i in range(ITEMS)])
known[4] = False  # one without a tag
known[:, 4] = False
known[2, 4] = True  # a tag of one song alone
fresh = np.array([[1, 0, 0, 0, 1], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)

length = np.linalg.norm(y, axis=1)
trained = length > 0
u = np.where(trained[:, None], y / np.where(trained, length, 1)[:, None], 0)
n = (known & trained[:, None]).sum(0)
idf = np.log1p(((known.any(1) & trained).sum() - n + 0.5) / (n + 0.5))


def phi(tags, own=None):
    total = np.zeros(FACTORS)
    for t in np.flatnonzero(tags):
        others = [i for i in range(ITEMS) if known[i, t] and trained[i] and i != own]
        if others:
            total += idf[t] * u[others].mean(0)
    norm = np.linalg.norm(total)
    return total / norm if norm > 0 else None


rows = [(phi(known[i], i), u[i]) for i in range(ITEMS) if trained[i]]
features = np.array([p for p, _ in rows if p is not None])
targets = np.array([t for p, t in rows if p is not None])
w = np.linalg.solve(features.T @ features + np.eye(FACTORS), features.T @ targets)
for row in fresh:
    p = phi(row)
    out = np.zeros(FACTORS) if p is None else w.T @ p / np.linalg.norm(w.T @ p) * length[trained].mean()
    print("{" + ", ".join(f"{x:.7f}F" for x in out) + "},")
