"""What a user would write: zipfile + cv2 + h5py, one process. bench_faces.py ZIP OUT FRAME COMPRESS → "pictures seconds"."""
import io
import sys
import time
import zipfile

import cv2
import h5py
import numpy as np

path, out, side, level = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
cv2.setNumThreads(1)
started = time.monotonic()
options = {"compression": "gzip", "compression_opts": level} if level else {}
count = 0
with zipfile.ZipFile(path) as outer, h5py.File(out, "w") as h5:
    names = [(person, name) for person in outer.namelist()
             for name in zipfile.ZipFile(io.BytesIO(outer.read(person))).namelist() if name.endswith(".jpg")]
    pixels = h5.create_dataset("pixels", (len(names), side, side, 3), np.uint8, chunks=(1, side, side, 3), **options)
    labels = np.zeros(len(names), np.int32)
    for person in outer.namelist():
        inner = zipfile.ZipFile(io.BytesIO(outer.read(person)))
        members = set(inner.namelist())
        for name in inner.namelist():
            if not name.endswith(".jpg"):
                continue
            image = cv2.imdecode(np.frombuffer(inner.read(name), np.uint8), cv2.IMREAD_COLOR)
            text = name[:-3] + "txt"
            if text in members:
                x, y, w, h = (int(v) for v in inner.read(text).decode().splitlines()[7].split())
                x0, y0 = max(0, x - w // 2), max(0, y - h // 2)
                image = image[y0:y + h + h // 2, x0:x + w + w // 2]
            scale = min(1, side / image.shape[0], side / image.shape[1])
            if scale < 1:
                size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            frame = np.zeros((side, side, 3), np.uint8)
            frame[:image.shape[0], :image.shape[1]] = image[..., ::-1]
            pixels[count] = frame
            labels[count] = int(name.split("/")[2][1:]) - 1
            count += 1
    h5["label"] = labels
print(count, f"{time.monotonic() - started:.4f}")
