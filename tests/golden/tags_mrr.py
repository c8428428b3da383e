"""Hidden tags of held-out playlists, ranked by the shown ones: moodcast's vectors beside gensim's at the same settings.

usage: tags_mrr.py PLAYLISTS_DIR TAGS_DIR EVALUATE_METRICS.json EPOCHS

Rank of a playlist = that of its best hidden tag among all that it does not show, by the product with the sum of the shown tags' unit vectors.
The figure for moodcast's vectors must be what the stage `evaluate` recorded; gensim's, over three seeds, the yardstick.
"""
import json
import sys

import h5py
import numpy as np
from gensim.models import KeyedVectors, Word2Vec

SEEDS, BATCH = (1, 2, 3), 512


def load(playlists, tags):
    keys = [line.rstrip("\n").split("\t") for line in open(tags + "/tag_keys.tsv", encoding="utf-8", newline="\n")]
    names = dict(k[:2] for k in keys)
    with h5py.File(playlists + "/playlists.h5") as f:
        data, offsets = f["tag/name/bytes"][:].tobytes(), f["tag/name/offsets"][:]
        start, index, held = (f["playlist_tags/" + x][:] for x in ("start", "index", "held"))
    number = {data[a:b].decode(): i for i, (a, b) in enumerate(zip(offsets[:-1], offsets[1:]))}
    own = KeyedVectors.load_word2vec_format(tags + "/tags.bin", binary=True)
    order = [number[names.get(k, k)] for k in own.index_to_key]
    row = {tag: i for i, tag in enumerate(order)}
    shown, hidden = ([[int(i) for i, h in zip(index[a:b], held[a:b]) if h == want] for a, b in zip(start[:-1], start[1:])] for want in (0, 1))
    return own.vectors, row, shown, hidden


def mrr(vectors, questions):
    """questions: (rows shown, rows hidden); ties go to the earlier row."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    total = 0.0
    for at in range(0, len(questions), BATCH):
        batch = questions[at:at + BATCH]
        scores = np.array([unit[s].sum(axis=0) for s, _ in batch]) @ unit.T
        for line, (seen, asked) in zip(scores, batch):
            line[seen] = -np.inf
            if asked:
                best = max(line[a] for a in asked)
                first = min(a for a in asked if line[a] == best)
                total += 1 / (1 + np.count_nonzero(line > best) + np.count_nonzero(line[:first] == best))
    return total / len(questions)


def main(playlists, tags, metrics, epochs):
    vectors, row, shown, hidden = load(playlists, tags)
    questions = [([row[t] for t in s if t in row], [row[t] for t in h if t in row]) for s, h in zip(shown, hidden) if h]
    questions = [q for q in questions if q[0]]
    own, recorded = mrr(vectors, questions), json.load(open(metrics, encoding="utf-8"))["tags"]["test"]
    assert len(questions) == recorded["playlists"], (len(questions), recorded["playlists"])
    assert abs(own - recorded["mrr"]) < 1e-3, (own, recorded["mrr"])
    corpus, theirs = [[str(row[t]) for t in s] for s in shown], []
    for seed in SEEDS:
        wv = Word2Vec(corpus, sg=1, vector_size=vectors.shape[1], window=3, min_count=1, negative=5, epochs=int(epochs), seed=seed, workers=1).wv
        theirs.append(mrr(np.array([wv[str(i)] for i in range(len(vectors))]), questions))
    low, high = recorded["mrr_95"]
    print(f"tags_mrr: {len(questions)} playlists: MRR {own:.4f} ({low:.4f}-{high:.4f}), gensim {np.mean(theirs):.4f} "
          f"({min(theirs):.4f}-{max(theirs):.4f} over {len(SEEDS)} seeds), popularity {recorded['popularity_mrr']:.4f}")
    # One training against the mean of three: within the half-width of its own interval.
    assert own >= np.mean(theirs) - (high - low) / 2, "hidden tags are found worse than with gensim's vectors"


main(*sys.argv[1:5])
