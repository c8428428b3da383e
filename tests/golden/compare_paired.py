"""compare_paired.py RUN RUN SAID: the differences that `compare` printed, against a paired bootstrap over people written anew."""
import re
import sys

import numpy as np


def load(run):
    with open(f"{run}/evaluate/predictions.tsv", encoding="utf-8") as f:
        head, *rows = [line.rstrip("\n").split("\t") for line in f]
    names = head[3:]
    return (np.array([r[1] for r in rows]), np.array([names.index(r[2]) for r in rows]), np.array([r[3:] for r in rows], float))


def figures(truth, p):
    classes, verdict, sure = p.shape[1], p.argmax(1), p.max(1)
    there = [c for c in range(classes) if (truth == c).any()]
    recall = [(verdict[truth == c] == c).mean() for c in there]
    f1 = [2 * ((verdict == c) & (truth == c)).sum() / ((verdict == c).sum() + (truth == c).sum()) for c in there]
    bins = np.minimum((sure * 10).astype(int), 9)
    calibration = sum(abs((verdict == truth)[bins == b].sum() - sure[bins == b].sum()) for b in range(10)) / len(truth)
    return np.array([np.mean(recall), (verdict == truth).mean(), np.mean(f1), -np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean(), calibration])


first, second = load(sys.argv[1]), load(sys.argv[2])
people = sorted(set(first[0]))
assert people == sorted(set(second[0]))
rows = [[np.flatnonzero(run[0] == person) for person in people] for run in (first, second)]


def difference(drawn):
    a, b = (np.concatenate([r[i] for i in drawn]) for r in rows)
    return figures(second[1][b], second[2][b]) - figures(first[1][a], first[2][a])


rng = np.random.default_rng(7)
drawn = np.array([difference(rng.integers(0, len(people), len(people))) for _ in range(1500)])
value, low, high = difference(range(len(people))), *np.percentile(drawn, [2.5, 97.5], axis=0)
said = open(sys.argv[3], encoding="utf-8").read()
upper, lower = said.split("\ndifferences from ")
bad = 0
for i, label in enumerate(["balanced accuracy", "accuracy", "macro F1", "log loss", "calibration error"]):
    got = re.search(rf"^{label} +([+-][0-9.]+) \(([+-][0-9.]+) … ([+-][0-9.]+)\)", lower, re.M)
    shown = [float(got.group(k)) for k in (1, 2, 3)]
    if abs(shown[0] - value[i]) > 0.00051 or max(abs(shown[1] - low[i]), abs(shown[2] - high[i])) > 0.02 + 0.12 * (high[i] - low[i]):
        print(f"{label}: {shown}, expected {value[i]:.4f} ({low[i]:.4f} … {high[i]:.4f})")
        bad = 1
    row = re.search(rf"^{label} .*$", upper, re.M).group(0)
    verdict = "better" if "better" in row else "worse" if "worse" in row else ""
    outside = shown[1] > 0 or shown[2] < 0
    less = i >= 3
    expected = ("" if not outside else "better" if (shown[0] > 0) != less else "worse")
    if verdict != expected and not (0 in shown[1:]):
        print(f"{label}: says '{verdict}', expected '{expected}'")
        bad = 1
sys.exit(bad)
