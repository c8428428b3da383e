"""The judge of tests/cli/external.sh.

  external_check.py same OUT FEATURES      the whole data set as the external one: held-out people have the rows of predictions.tsv
  external_check.py folders ZIP OTHER [N]  K-FACE pictures as class folders calm, smile, laugh, frown (N: a byte more), one picture broken
  external_check.py mapped OUT             figures of OTHER against its own table of predictions
"""
import csv, io, json, sys, zipfile

import h5py


def table(path):
    with open(path) as file:
        return list(csv.DictReader(file, delimiter="\t"))


def figures(out):
    with open(out + "/metrics.json") as file:
        emotion = json.load(file)["emotion"]
    return emotion["test"], emotion["external"]


def check_confusion(found, rows, classes):
    counts = {a: {b: 0 for b in classes} for a in classes}
    for row in rows:
        counts[row["truth"]][max(classes, key=lambda c: float(row[c]))] += 1
    assert found["confusion"] == [[counts[a][b] for b in classes] for a in classes], found["confusion"]
    right = sum(counts[c][c] for c in classes) / len(rows)
    recalls = [counts[c][c] / sum(counts[c].values()) for c in classes if sum(counts[c].values())]
    assert abs(found["accuracy"] - right) < 1e-6 and abs(found["balanced_accuracy"] - sum(recalls) / len(recalls)) < 1e-6
    assert found["pictures"] == len(rows)


def same(out, features):
    inside, outside = table(out + "/predictions.tsv"), table(out + "/external_predictions.tsv")
    test, external = figures(out)
    with h5py.File(features) as file:
        pictures = int((file["copy"][...] == 0).sum())
        held = set(file["person"][...][file["split"][...] == 2])
    assert len(outside) == pictures == external["pictures"] and external["persons"] == 14, external
    again = [row for row in outside if row["person"].encode() in held]
    key = lambda row: sorted(row.items())
    without = lambda rows: sorted(key({k: v for k, v in row.items() if k != "row"}) for row in rows)
    assert len(inside) == len(again) == test["pictures"] and without(inside) == without(again), "the held-out people differ"
    check_confusion(external, outside, ["neutral", "positive", "negative"])
    with h5py.File(features) as file:  # each picture that was trained on is known again, and few others (drawn people are much alike)
        trained = int(((file["copy"][...] == 0) & (file["split"][...] != 2)).sum())
    assert trained <= external["trained_on"] <= trained + 3, (trained, external["trained_on"])
    assert external["inputs"] == ["faces.zip"] and external["faces"]["left_out"] == {}
    assert external["faces"]["split"]["test"]["faces"] == pictures and len(external["balanced_accuracy_95"]) == 2


def folders(archive, other, more=None):
    names = {"E01": ["calm"], "E02": ["smile", "laugh"], "E03": ["frown"]}
    seen = {name: 0 for name in names}
    with zipfile.ZipFile(archive) as outer, zipfile.ZipFile(other, "w") as made:
        for person in sorted(outer.namelist()):
            inner = zipfile.ZipFile(io.BytesIO(outer.read(person)))
            for member in sorted(n for n in inner.namelist() if n.endswith(".jpg")):
                kind = member.split("/")[-2]
                if seen[kind] == (5 if kind == "E03" else 12):
                    continue
                part = ["train", "valid", "test"][seen[kind] % 3]
                folder = names[kind][seen[kind] % len(names[kind])]
                made.writestr(f"{part}/{folder}/{seen[kind]}.jpg", inner.read(member))
                seen[kind] += 1
        made.writestr("test/calm/broken.jpg", b"\xff\xd8\xff not a picture" + (more or "").encode())


def mapped(out):
    external = figures(out)[1]
    rows = table(out + "/external_predictions.tsv")
    check_confusion(external, rows, ["neutral", "positive", "negative"])
    assert external["pictures"] == 24 and external["faces"]["left_out"] == {"frown": 5}, external["faces"]
    assert external["class_map"] == {"calm": "neutral", "smile": "positive", "laugh": "positive"}
    assert [external["classes"][c]["support"] for c in external["classes"]] == [12, 12, 0]
    assert external["chance_balanced_accuracy"] == 0.5 and external["faces"]["skipped"]["pictures"] == 1


if __name__ == "__main__":
    {"same": same, "folders": folders, "mapped": mapped}[sys.argv[1]](*sys.argv[2:])
