"""A nested K-FACE zip of many people who share a few drawn pictures: faces_many.py ZIP PEOPLE PICTURES [WIDTH HEIGHT]."""
import io
import sys
import zipfile

import cv2
import numpy as np

path, people, pictures = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
width, height = (int(v) for v in sys.argv[4:6]) if len(sys.argv) > 5 else (346, 230)
rng = np.random.default_rng(11)
jpegs = []
for _ in range(24):
    image = np.full((height, width, 3), rng.integers(0, 255, 3), np.uint8)
    for _ in range(12):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(image, centre, int(rng.integers(4, 60)), [int(c) for c in rng.integers(0, 255, 3)], -1)
    image = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    jpegs.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
box = "9\t9\n" * 7 + f"{width // 3}\t{height // 4}\t{height // 2}\t{height // 2}\n" + "1\t1\t4\t4\n" * 6
with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as outer:
    for p in range(people):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as inner:
            for k in range(pictures):
                name = f"S00{1 + k // 1800 % 6}/L{1 + k // 60 % 30}/E0{1 + k % 3}/C{1 + k // 3 % 20}"
                inner.writestr(name + ".jpg", jpegs[(p * 7 + k) % len(jpegs)])
                if k // 60 % 30 in (0, 2, 5, 6) and k < 1800:
                    inner.writestr(name + ".txt", box)
        outer.writestr(f"{19000000 + p}.zip", stream.getvalue())
