"""Judge of `arena`: questions from held-out playlists, and the contest's own score of the answers.

ask PLAYLISTS OUT.json              the held-out playlists with what is shown of them
new PLAYLISTS OUT.json              the same under ids that nobody knows, and one with a song and a tag that nobody knows
guests PLAYLISTS RESULTS.json QUESTIONS.json
                                    the answers to these: whole, nothing shown among them, and far above popularity
score PLAYLISTS RESULTS.json EVALUATE_METRICS.json
                                    nDCG of songs and tags over what is hidden must be what the stage `evaluate` says
"""
import json
import math
import sys

import h5py


def texts(f, name):
    data, offsets = f[f"{name}/bytes"][:].tobytes(), f[f"{name}/offsets"][:]
    return [data[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]


def load(folder):
    """{playlist: (shown songs, shown tags, hidden songs, hidden tags)} of the held-out ones."""
    with h5py.File(f"{folder}/playlists.h5") as f:
        names = {"songs": [int(i) for i in f["song/id"][:]], "tags": texts(f, "tag/display")}
        parts = {k: [f[f"playlist_{k}/{x}"][:] for x in ("start", "index", "held")] for k in names}
        out = {}
        for p, (identity, split) in enumerate(zip(f["playlist/id"][:], f["playlist/split"][:])):
            if split != 2:
                continue
            rows = []
            for hidden in (0, 1):
                for kind, (start, index, held) in parts.items():
                    span = slice(start[p], start[p + 1])
                    rows.append([names[kind][i] for i, h in zip(index[span], held[span]) if h == hidden])
            out[int(identity)] = rows
    return out


def ndcg(truth, answer):
    hits = sum(1 / math.log(i + 2) for i, x in enumerate(answer) if x in truth)
    return hits / sum(1 / math.log(i + 2) for i in range(min(len(truth), len(answer))))


def guests(lists, path, questions):
    answers = {a["id"]: a for a in json.load(open(path, encoding="utf-8"))}
    assert set(answers) == {q["id"] for q in json.load(open(questions, encoding="utf-8"))}
    popular = answers[10**10]["songs"]
    assert len(popular) == 100
    own, plain = [], []
    for p, (songs, tags, hidden, _) in lists.items():
        answer = answers[10**9 + p]
        for kind, shown, most in (("songs", songs, 100), ("tags", tags, 10)):
            assert len(answer[kind]) == most == len(set(answer[kind])) and not set(answer[kind]) & set(shown), (p, kind)
        if hidden and songs:
            own.append(ndcg(set(hidden), answer["songs"]))
            plain.append(ndcg(set(hidden), [s for s in popular if s not in songs]))
    own, plain = (sum(x) / len(x) for x in (own, plain))
    assert own > 1.2 * plain, (own, plain)


def main(way, folder, path, metrics=None):
    lists = load(folder)
    if way == "ask":
        json.dump([{"id": p, "plylst_title": "", "songs": s, "tags": t, "like_cnt": 0} for p, (s, t, _, _) in lists.items()],
                  open(path, "w", encoding="utf-8"), ensure_ascii=False)
        return
    if way == "new":
        asked = [{"id": 10**9 + p, "tags": t, "songs": s, "like_cnt": 3} for p, (s, t, _, _) in lists.items()]
        json.dump(asked + [{"id": 10**10, "tags": ["nobody's tag"], "songs": [10**12]}], open(path, "w", encoding="utf-8"), ensure_ascii=False)
        return
    if way == "guests":
        return guests(lists, path, metrics)
    answers = {a["id"]: a for a in json.load(open(path, encoding="utf-8"))}
    assert set(answers) == set(lists), "other playlists are answered than were asked about"
    score = {"songs": [], "tags": []}
    for p, (songs, tags, hidden_songs, hidden_tags) in lists.items():
        for kind, shown, hidden, most in (("songs", songs, hidden_songs, 100), ("tags", tags, hidden_tags, 10)):
            answer = answers[p][kind]
            assert len(answer) == most == len(set(answer)) and not set(answer) & set(shown), (p, kind, answer)
            if hidden:
                score[kind].append(ndcg(set(hidden), answer))
    songs, tags = (sum(score[k]) / len(score[k]) for k in ("songs", "tags"))
    test = json.load(open(metrics, encoding="utf-8"))["als"]["test"]
    wanted = test["ndcg100"], test["hidden_tags"]["ndcg10"]
    assert abs(songs - wanted[0]) < 1e-6 and abs(tags - wanted[1]) < 1e-6, (songs, tags, wanted)
    print(f"arena_score: {len(answers)} answers, songs {songs:.4f}, tags {tags:.4f}, score {0.85 * songs + 0.15 * tags:.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
