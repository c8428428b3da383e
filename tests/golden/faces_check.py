"""Judge of the stage faces: zipfile, OpenCV and h5py against what the stage read.

faces_check.py make ZIP              a nested K-FACE archive of drawn pictures, with two that cannot be read
faces_check.py check ZIP FOLDER W H  every row of FOLDER/faces.h5 is what OpenCV decodes from ZIP
"""
import io
import json
import sys
import zipfile

import cv2
import h5py
import numpy as np


class Pipe(io.RawIOBase):
    """A stream that cannot seek: zipfile then writes data descriptors."""

    def __init__(self):
        self.bytes = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.bytes += bytes(data)
        return len(data)


def drawn(rng, height, width):
    image = np.zeros((height, width, 3), np.uint8)
    image[:] = rng.integers(0, 255, 3)
    for _ in range(6):
        x, y, r = rng.integers(0, width), rng.integers(0, height), rng.integers(4, 40)
        cv2.circle(image, (int(x), int(y)), int(r), [int(c) for c in rng.integers(0, 255, 3)], -1)
    return image


def make(path):
    rng = np.random.default_rng(7)
    kinds = ["jpg", "jpg", "png", "grey.jpg", "grey.png", "deep.png"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as outer:
        for person in range(8):
            stream = io.BytesIO() if person % 2 else Pipe()
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if person % 3 else zipfile.ZIP_STORED) as inner:
                for shot in range(6):
                    kind = kinds[(shot + person) % len(kinds)]
                    large = shot == 5
                    image = drawn(rng, *((300, 401) if large else (115, 173 - person)))
                    if kind.startswith("grey"):
                        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
                    if kind.startswith("deep"):
                        image = image.astype(np.uint16) * 257
                    bytes_ = cv2.imencode("." + kind.split(".")[-1], image)[1].tobytes()
                    if (person, shot) == (2, 1):
                        bytes_ = bytes_[: len(bytes_) // 2]
                    if (person, shot) == (3, 2):
                        bytes_ = b"this is no picture"
                    inner.writestr(f"S00{1 + shot // 3}/L1/E0{1 + shot % 3}/C7.{kind.split('.')[-1]}", bytes_)
            outer.writestr(f"1907160{person}.zip", stream.getvalue() if person % 2 else bytes(stream.bytes))


def expected(image, width, height):
    """The frame rule for a picture without a box; None for one that had to shrink."""
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    if rgb.shape[1] > width or rgb.shape[0] > height:
        return None, rgb
    frame = np.zeros((height, width, 3), np.uint8)
    frame[: rgb.shape[0], : rgb.shape[1]] = rgb
    return frame, rgb


def check_row(h5, row, image, width, height):
    frame, rgb = expected(image, width, height)
    pixels, area = h5["pixels"][row], h5["area"][row]
    assert (h5["width"][row], h5["height"][row]) == (rgb.shape[1], rgb.shape[0]), row
    if frame is not None:
        assert np.array_equal(pixels, frame), f"row {row}: not OpenCV's pixels"
        assert list(area) == [0, 0, rgb.shape[1], rgb.shape[0]], row
        return 0
    assert area[2] == width or area[3] == height, (row, list(area))
    shrunk = cv2.resize(rgb, (int(area[2]), int(area[3])), interpolation=cv2.INTER_AREA)
    worst = np.abs(pixels[: area[3], : area[2]].astype(int) - shrunk).max()
    assert worst <= 1, f"row {row}: {worst} away from OpenCV's INTER_AREA"
    assert not pixels[area[3]:].any() and not pixels[:, area[2]:].any(), row
    return 1


def check(path, folder, width, height):
    h5 = h5py.File(folder + "/faces.h5")
    offsets, names = h5["member/offsets"][:], bytes(h5["member/bytes"][:])
    members = [names[a:b].decode() for a, b in zip(offsets, offsets[1:])]
    person, split = [p.decode() for p in h5["person"][:]], h5["split"][:]
    row = shrunk = lost = 0
    with zipfile.ZipFile(path) as outer:
        for outer_name in outer.namelist():
            with zipfile.ZipFile(io.BytesIO(outer.read(outer_name))) as inner:
                for name in inner.namelist():
                    member = path.rsplit("/", 1)[-1] + "/" + outer_name + "/" + name
                    if row >= len(members) or members[row] != member:
                        lost += 1
                        continue
                    image = cv2.imdecode(np.frombuffer(inner.read(name), np.uint8), cv2.IMREAD_COLOR)
                    shrunk += check_row(h5, row, image, width, height)
                    s, l, e, c = (int(part[1:].split(".")[0]) for part in name.split("/"))
                    stored = [int(h5[k][row]) for k in ("accessory", "light", "expression", "camera")]
                    assert stored == [s, l, e, c] and person[row] == outer_name[:-4], member
                    assert h5["label"][row] == e - 1
                    row += 1
    assert row == len(members), f"{row} of {len(members)} rows found in the archive's order"
    parts = {}
    for who, part in zip(person, split):
        assert parts.setdefault(who, part) == part, f"{who} stands in two parts"
    skipped = open(folder + "/skipped.tsv").read().splitlines()
    assert len(skipped) == lost, (len(skipped), lost)
    metrics = json.load(open(folder + "/metrics.json"))
    metrics = metrics.get("faces", metrics) if isinstance(metrics.get("faces"), dict) else metrics
    assert metrics["faces"] == row and metrics["people"] == len(parts) and metrics["skipped"]["pictures"] == lost
    print(f"{row} rows as OpenCV decodes them ({shrunk} shrunk), {len(parts)} people, {lost} skipped")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        check(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
