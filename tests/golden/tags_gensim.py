"""Judges the stage `tags` by gensim on the same corpus.

usage: tags_gensim.py PLAYLISTS_DIR TAGS_DIR EPOCHS NEAREST_OF NEAREST_FILE

1. gensim opens tags.bin and tags.vec, and both hold the same floats under the same keys.
2. tag_neighbours.tsv, tag_similarity.h5 and `tags --nearest` say what gensim says of these vectors.
3. The neighbours of frequent tags agree with gensim's own training as well as gensim's seeds agree with each other.
"""
import sys

import h5py
import numpy as np
from gensim.models import KeyedVectors, Word2Vec

FREQUENT, NEAR, SEEDS = 300, 10, (1, 2)


def fail(text):
    print("tags_gensim: " + text)
    sys.exit(1)


def read_table(group):
    data, offsets = group["bytes"][:].tobytes(), group["offsets"][:]
    return [data[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]


def read_corpus(folder):
    with h5py.File(folder + "/playlists.h5") as f:
        names = read_table(f["tag/name"])
        start, index, held = (f["playlist_tags/" + x][:] for x in ("start", "index", "held"))
    return [[names[i] for i, h in zip(index[a:b], held[a:b]) if not h] for a, b in zip(start[:-1], start[1:])]


def read_lines(path):
    with open(path, encoding="utf-8", newline="\n") as f:
        return [line.rstrip("\n").split("\t") for line in f]


def check_files(folder):
    binary = KeyedVectors.load_word2vec_format(folder + "/tags.bin", binary=True)
    text = KeyedVectors.load_word2vec_format(folder + "/tags.vec", binary=False)
    if binary.index_to_key != text.index_to_key or not np.array_equal(binary.vectors, text.vectors):
        fail("tags.bin and tags.vec differ")
    keys = read_lines(folder + "/tag_keys.tsv")[1:]
    if [k for k, _ in keys] != binary.index_to_key:
        fail("tag_keys.tsv does not list the keys of tags.bin")
    return binary, [t for _, t in keys]


def check_tables(folder, vectors, tags, nearest_of, nearest_file):
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    row = {t: i for i, t in enumerate(tags)}
    for tag, other, cosine in read_lines(folder + "/tag_neighbours.tsv")[1:]:
        if abs(unit[row[tag]] @ unit[row[other]] - float(cosine)) > 2e-6:
            fail(f"tag_neighbours.tsv: {tag} {other} {cosine}")
    with h5py.File(folder + "/tag_similarity.h5") as f:
        names, matrix = [n.decode() for n in f["names"][:]], f["similarity"][:]
    n = len(names)
    if names != tags[:n] or np.abs(matrix - unit[:n] @ unit[:n].T).max() > 2e-6:
        fail("tag_similarity.h5 is not the cosines of the first rows")
    want = vectors.most_similar(vectors.index_to_key[row[nearest_of]], topn=NEAR)
    for (key, cosine), (tag, said) in zip(want, read_lines(nearest_file)):
        if tags[vectors.key_to_index[key]] != tag or abs(cosine - float(said)) > 1e-4:
            fail(f"--nearest {nearest_of}: {tag} {said} where gensim has {key} {cosine:.6f}")


def neighbours(vectors, keys):
    return {k: {o for o, _ in vectors.most_similar(k, topn=NEAR)} for k in keys}


def overlap(a, b):
    return float(np.mean([len(a[k] & b[k]) / NEAR for k in a]))


def main():
    playlists, folder, epochs, nearest_of, nearest_file = sys.argv[1:6]
    vectors, tags = check_files(folder)
    check_tables(folder, vectors, tags, nearest_of, nearest_file)
    corpus = [[t.replace(" ", "_") for t in row] for row in read_corpus(playlists)]
    theirs = [Word2Vec(corpus, sg=1, vector_size=vectors.vector_size, window=3, min_count=1, negative=5, epochs=int(epochs), seed=s,
                       workers=1).wv for s in SEEDS]
    if len(theirs[0]) != len(vectors):
        fail(f"{len(vectors)} vectors where gensim has {len(theirs[0])}")
    keys = [k for k in theirs[0].index_to_key[:FREQUENT] if all(k in t for t in theirs) and k in vectors]
    if len(keys) < FREQUENT * 0.9:
        fail(f"only {len(keys)} of the {FREQUENT} most frequent tags have the same key")
    sets = [neighbours(t, keys) for t in theirs]
    ours = neighbours(vectors, keys)
    among = float(np.mean([overlap(sets[i], sets[j]) for i in range(len(SEEDS)) for j in range(i)]))
    with_ours = float(np.mean([overlap(ours, s) for s in sets]))
    print(f"tags_gensim: {len(vectors)} tags, {len(keys)} compared: neighbours shared with gensim {with_ours:.3f}, "
          f"gensim's seeds among themselves {among:.3f}")
    if with_ours < 0.95 * among - 0.01:
        fail("the neighbours agree less with gensim than its own seeds do")


main()
