"""Word2Vec of gensim and of moodcast, one after the other in turns, on the same tags; then how well each does.

bench_music.py TRAIN PLAYLISTS_H5_DIR WORK [ROUNDS] [EPOCHS]
Speed: seconds of training alone (vocabularies are built before), wall time with 2 threads and user time, which for
moodcast is what the epochs behind the first add to the whole process. Quality: the share of the ten nearest of 50 frequent tags that two
trainings share, gensim's seeds among themselves as the yardstick.
"""
import itertools
import re
import resource
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
    wall, user = time.time(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
    model.train(rows, total_examples=len(rows), epochs=epochs)
    return time.time() - wall, resource.getrusage(resource.RUSAGE_SELF).ru_utime - user, model.wv


def own_run(train, folder, work, epochs, way):
    shutil.rmtree(f"{work}/{way}", ignore_errors=True)  # what is done already is not done again
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    words = [train, "tags", "--in", "playlists=" + folder, "--out", f"{work}/{way}", "--set", f"tags.epochs={epochs}",
             "--set", "run.threads=2", "--set", "tags.neighbours=1"]
    for setting in WAYS[way]:
        words += ["--set", setting]
    log = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=True).stderr
    user = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return float(re.search(r"trained in ([0-9.]+) s", log).group(1)), user


def nearest(vectors):
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    score = unit[:FREQUENT] @ unit.T
    score[np.arange(FREQUENT), np.arange(FREQUENT)] = -2
    return [set(row) for row in np.argpartition(-score, NEAR)[:, :NEAR]]


def shared(a, b):
    return np.mean([len(x & y) / NEAR for x, y in zip(a, b)])


def main(train, folder, work, rounds=5, epochs=42):
    rows, speed = corpus(folder), {way: [] for way in WAYS}
    for r in range(rounds):
        wall, user, _ = gensim_run(rows, epochs, r + 1)
        for way in WAYS:
            one = own_run(train, folder, work, 1, way)
            own = own_run(train, folder, work, epochs, way)
            speed[way].append((wall / own[0], user / ((own[1] - one[1]) * epochs / (epochs - 1))))
    for way, ratios in speed.items():
        wall, user = (sorted(x[i] for x in ratios) for i in (0, 1))
        print(f"word2vec, {way}: {statistics.median(wall):.1f} x gensim by the clock ({wall[0]:.1f}-{wall[-1]:.1f}), "
              f"{statistics.median(user):.1f} x by user time ({user[0]:.1f}-{user[-1]:.1f}), {rounds} rounds")
    names = KeyedVectors.load_word2vec_format(f"{work}/fresh/tags.bin", binary=True).index_to_key
    peers = []
    with h5py.File(folder + "/playlists.h5") as f:
        data, offsets = f["tag/name/bytes"][:].tobytes(), f["tag/name/offsets"][:]
    tags = {data[a:b].decode().replace(" ", "_"): str(i) for i, (a, b) in enumerate(zip(offsets[:-1], offsets[1:]))}
    for seed in (1, 2, 3):
        wv = gensim_run(rows, epochs, seed)[2]
        peers.append(nearest(np.array([wv[tags[n.rstrip('_') if n not in tags else n]] for n in names])))
    among = np.mean([shared(a, b) for a, b in itertools.combinations(peers, 2)])
    for way in WAYS:
        own = nearest(KeyedVectors.load_word2vec_format(f"{work}/{way}/tags.bin", binary=True).vectors)
        print(f"word2vec, {way}: neighbours shared with gensim {np.mean([shared(own, p) for p in peers]):.3f}, "
              f"gensim's seeds among themselves {among:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:4], *(int(x) for x in sys.argv[4:]))
