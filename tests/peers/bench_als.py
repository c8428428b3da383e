"""One exact ALS iteration over PLAYLISTS/playlists.h5 in float32 NumPy: A = YᵀY + Y_uᵀ C Y_u + λI, solved a row at a time (LAPACK), as one writes it.
A whole iteration takes minutes, so SAMPLE seeded rows of each side are timed (in groups of like length) and weighted to all rows. Prints seconds
an iteration. usage: bench_als.py PLAYLISTS FACTORS SAMPLE
"""
import sys
import time

import h5py
import numpy as np
from scipy import sparse
from scipy.linalg.lapack import sposv


def half(matrix, other, factors, sample, rng):
    """Seconds for all rows of `matrix` against the factors of the other side."""
    start = time.perf_counter()
    gram = other.T @ other + 10 * np.eye(factors, dtype=np.float32)
    seconds = time.perf_counter() - start
    lengths = np.diff(matrix.indptr)
    edges = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 1 << 30]
    for low, high in zip(edges[:-1], edges[1:]):
        rows = np.flatnonzero((lengths >= low) & (lengths < high))
        chosen = rng.choice(rows, min(sample, len(rows)), replace=False) if len(rows) else []
        start = time.perf_counter()
        for row in chosen:
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            y, c = other[matrix.indices[part]], matrix.data[part]
            sposv(gram + (y.T * c) @ y, (c + 1) @ y)
        if len(rows):
            seconds += (time.perf_counter() - start) * len(rows) / len(chosen)
    return seconds


def main(folder, factors, sample):
    rng = np.random.default_rng(1)
    with h5py.File(folder + "/playlists.h5") as f:
        start, index, held = (f["playlist_songs/" + x][:] for x in ("start", "index", "held"))
        songs = len(f["song/id"])
    if held.any():
        raise SystemExit("bench_als: wants playlists of which nothing is held out")
    users = sparse.csr_matrix((np.ones(len(index), np.float32), index, start), shape=(len(start) - 1, songs))
    x = rng.standard_normal((users.shape[0], factors)).astype(np.float32) / factors
    y = rng.standard_normal((songs, factors)).astype(np.float32) / factors
    seconds = half(users, y, factors, sample, rng) + half(users.T.tocsr(), x, factors, sample, rng)
    print(f"{seconds:.3f} {users.nnz}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
