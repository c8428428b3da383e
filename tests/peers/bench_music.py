"""Word2Vec of gensim and of moodcast, one after the other in turns, on the same tags; then how alike the trainings are.

bench_music.py TRAIN PLAYLISTS_H5_DIR WORK [ROUNDS] [EPOCHS]
Speed: seconds of training alone by the clock (vocabularies are built before), 2 threads. Quality: the share of the ten nearest of 50 frequent
tags that two trainings of other seeds have in common; what gensim's seeds share among themselves is the yardstick, and how far one of them
stands from the others its noise.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

import h5py
import numpy as np
from gensim.models import KeyedVectors, Word2Vec

NEAR, FREQUENT = 10, 50
WAYS = {"fresh": ["tags.deterministic=no"], "shared": ["tags.deterministic=no", "tags.negatives=shared"],
        "deterministic": ["tags.deterministic=yes"]}


def corpus(folder):
    with h5py.File(folder + "/playlists.h5") as f:
        start, index, held = (f["playlist_tags/" + x][:] for x in ("start", "index", "held"))
    return [[str(i) for i, h in zip(index[a:b], held[a:b]) if not h] for a, b in zip(start[:-1], start[1:])]


def gensim_run(rows, epochs, seed):
    model = Word2Vec(vector_size=100, window=3, min_count=1, sg=1, negative=5, workers=2, epochs=epochs, seed=seed)
    model.build_vocab(rows)
    started = time.time()
    model.train(rows, total_examples=len(rows), epochs=epochs)
    return time.time() - started, model.wv


def own_run(train, folder, out, epochs, seed, way):
    shutil.rmtree(out, ignore_errors=True)  # what is done already is not done again
    words = [train, "tags", "--in", "playlists=" + folder, "--out", out]
    for setting in WAYS[way] + [f"tags.epochs={epochs}", f"run.seed={seed}", "run.threads=2", "tags.neighbours=1"]:
        words += ["--set", setting]
    log = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=True).stderr
    model = KeyedVectors.load_word2vec_format(out + "/tags.bin", binary=True)
    return float(re.search(r"trained in ([0-9.]+) s", log).group(1)), model.index_to_key, model.vectors


def nearest(vectors):
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    score = unit[:FREQUENT] @ unit.T
    score[np.arange(FREQUENT), np.arange(FREQUENT)] = -2
    return np.argpartition(-score, NEAR)[:, :NEAR]


def shared(near, others):
    return np.mean([len(set(x) & set(y)) / NEAR for other in others for x, y in zip(near, other)])


def numbers_of(folder, names):
    """The playlists' numbers of the tags, in the order of their vectors."""
    with h5py.File(folder + "/playlists.h5") as f:
        data, offsets = f["tag/name/bytes"][:].tobytes(), f["tag/name/offsets"][:]
    tags = {data[a:b].decode().replace(" ", "_"): str(i) for i, (a, b) in enumerate(zip(offsets[:-1], offsets[1:]))}
    return [tags[n.rstrip("_") if n not in tags else n] for n in names]


def spread(values, form):
    values = sorted(values)
    return f"{statistics.median(values):{form}} ({values[0]:{form}}-{values[-1]:{form}})"


def one_round(train, folder, work, epochs, seed):
    """One training of each, in turns; a round that WORK has already is taken from there, so that a long benchmark can be run piece by piece."""
    kept = f"{work}/round{seed}_of_{epochs}_epochs.npz"
    if os.path.exists(kept):
        return np.load(kept)
    rows, result = corpus(folder), {}
    wall, wv = gensim_run(rows, epochs, seed)
    for way in WAYS:
        seconds, names, vectors = own_run(train, folder, f"{work}/{way}", epochs, seed, way)
        result[way + "_speed"], result[way] = wall / seconds, nearest(vectors)
    result["gensim"], result["seconds"] = nearest(np.array([wv[n] for n in numbers_of(folder, names)])), wall
    np.savez(kept, **result)
    return result


def main(train, folder, work, rounds=5, epochs=42):
    runs = [one_round(train, folder, work, epochs, seed) for seed in range(1, rounds + 1)]
    print(f"word2vec, {rounds} rounds of {epochs} epochs, a seed each; gensim {spread([float(r['seconds']) for r in runs], '.1f')} s")
    gensim = [r["gensim"] for r in runs]
    among = [shared(near, gensim[:i] + gensim[i + 1:]) for i, near in enumerate(gensim)]
    print(f"gensim: neighbours shared with its other seeds {spread(among, '.3f')}")
    for way in WAYS:
        print(f"{way}: {spread([float(r[way + '_speed']) for r in runs], '.1f')} x gensim by the clock, neighbours shared with gensim "
              f"{spread([shared(r[way], gensim) for r in runs], '.3f')}")


if __name__ == "__main__":
    main(*sys.argv[1:4], *(int(x) for x in sys.argv[4:]))
