"""The judge of tests/cli/report_faces.sh: which pictures two reports hold, with report.faces = no and yes."""
import base64
import json
import re
import sys

import cv2
import h5py
import numpy as np

folder = sys.argv[1]
figure = re.compile(r'<img alt="([^"]*)" src="data:image/(\w+);base64,([^"]*)"><figcaption>(.*?)</figcaption>')


def pictures(report):
    with open(f"{folder}/{report}/index.html") as file:
        html = file.read()
    found = [(alt, kind, base64.b64decode(data, validate=True), caption) for alt, kind, data, caption in figure.findall(html)]
    assert len(found) == html.count("<img") and not re.search(r'(src|href)="?https?:', html), "a picture of another kind"
    return found, html


with open(f"{folder}/evaluate/metrics.json") as file:
    errors = json.load(file)["emotion"]["test"]["worst_errors"]
assert len(errors) >= 5 and all(e["probability"] >= f["probability"] for e, f in zip(errors, errors[1:])), "the fixture errs too seldom"

# no: the mean of the crops alone, byte for byte; the errors by their ids.
found, html = pictures("no")
with open(f"{folder}/cascade/features.png", "rb") as file:
    assert [picture[2] for picture in found] == [file.read()], "a picture in spite of report.faces = no"
assert "data:image/jpeg" not in html and all(error["picture"] in html for error in errors)

# yes: besides it the montage and each error.
found, html = pictures("yes")
assert "it is for those who may see them" in html
assert [alt for alt, *_ in found] == ["Six faces, the same mean face, each with a Haar feature of light and dark rectangles over it",
                                      "Held-out pictures with the faces that the cascade found"] + ["A face that was misread"] * len(errors)


def decode(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


with h5py.File(f"{folder}/faces/faces.h5") as file, h5py.File(f"{folder}/features/features.h5") as features:
    data, ends = file["member/bytes"][...].tobytes(), file["member/offsets"][...]
    members = [data[a:b].decode() for a, b in zip(ends, ends[1:])]
    split, held = file["split"][...], int((file["split"][...] == 2).sum())

    def stored(name):
        row = members.index(name)
        x, y, w, h = file["area"][row]
        assert split[row] == 2
        scale = min(1, 160 / max(w, h))
        return cv2.resize(file["pixels"][row][y:y + h, x:x + w, ::-1], (round(scale * w), round(scale * h)), interpolation=cv2.INTER_AREA)

    # The picture that the caption names, and no other, is shown: the frame drawn over it changes few pixels.
    others = [stored(error["picture"]).astype(int) for error in errors]
    for i, ((_, kind, data, caption), error) in enumerate(zip(found[2:], errors)):
        assert caption.startswith(f"{error['picture']}: {error['truth']}, taken for {error['verdict']} with "), caption
        shown = decode(data)
        assert kind == "jpeg" and shown.shape == others[i].shape and len(data) < 20000, (shown.shape, len(data))
        off = [np.median(np.abs(shown.astype(int) - other)) if other.shape == shown.shape else 99 for other in others]
        assert off[i] <= 4 and all(o > off[i] for k, o in enumerate(off) if errors[k]["picture"] != error["picture"]), (i, off)
montage = decode(found[1][2])
count = int(found[1][3].split()[0])
assert montage.shape == (168 * -(-count // 6), 1008, 3) and 12 < count <= min(24, held), (montage.shape, count, held)
green = (montage[..., 1].astype(int) - montage[..., 2] > 60) & (montage[..., 1].astype(int) - montage[..., 0] > 30)
assert ("something in 0 of" in found[1][3]) == (green.sum() < 50), (found[1][3], green.sum())
