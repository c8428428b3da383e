"""The judge of tests/cli/features.sh, with h5py and NumPy.

  features_check.py tensor FACES OUT SIZE   central SIZE×SIZE squares of all pictures, BGR minus ImageNet's mean, as .npy
  features_check.py equal FEATURES NPY      data set `features` equals the array, to the bit
  features_check.py columns FACES FEATURES  every kept row carries its picture's own columns; prints kept and crop counts
  features_check.py close FEATURES HALF     float16 features are the float32 ones, rounded
"""
import sys

import h5py
import numpy as np


def tensor(faces, out, size):
    size = int(size)
    with h5py.File(faces) as file:
        pixels, area = file["pixels"][...], file["area"][...]
    squares = np.empty((len(pixels), size, size, 3), "f4")
    for i, (x, y, w, h) in enumerate(area):
        left, top = x + (w - size) // 2, y + (h - size) // 2
        square = pixels[i, top:top + size, left:left + size, ::-1].astype("f8")
        squares[i] = square - [103.939, 116.779, 123.68]
    np.save(out, squares)


def equal(features, array):
    with h5py.File(features) as file:
        got = file["features"][...]
    want = np.load(array)
    if got.shape != want.shape or got.tobytes() != want.tobytes():
        sys.exit(f"{got.shape} against {want.shape}, largest difference {np.abs(got - want).max()}")


def texts(file, name):
    if isinstance(file[name], h5py.Dataset):
        return list(file[name][...])
    data, offsets = file[name]["bytes"][...].tobytes(), file[name]["offsets"][...]
    return [data[a:b] for a, b in zip(offsets, offsets[1:])]


def columns(faces, features):
    with h5py.File(faces) as f, h5py.File(features) as g:
        members, kept = texts(f, "member"), texts(g, "member")
        if len(set(members)) != len(members):
            sys.exit("members are not unique")
        rows = [members.index(m) for m in kept]
        if rows != sorted(rows) or len(rows) != g["features"].shape[0]:
            sys.exit("rows are not in the order of faces.h5")
        for name in ["label", "split", "accessory", "light", "expression", "camera"]:
            if not np.array_equal(f[name][...][rows], g[name][...]):
                sys.exit(f"{name} differs")
        if [texts(f, "person")[r] for r in rows] != texts(g, "person"):
            sys.exit("person differs")
        for crop, face, row in zip(g["crop"][...], g["face"][...], rows):
            if crop == 1 and not np.array_equal(face, f["box"][row]):
                sys.exit(f"row {row}: cropped by its box, but {face} is not it")
        print(len(rows), *np.bincount(g["crop"][...], minlength=3))


def close(features, half):
    with h5py.File(features) as f, h5py.File(half) as g:
        if g["features"].dtype != np.float16 or not np.array_equal(f["features"][...].astype("f2"), g["features"][...]):
            sys.exit("not the same features in float16")


if __name__ == "__main__":
    {"tensor": tensor, "equal": equal, "columns": columns, "close": close}[sys.argv[1]](*sys.argv[2:])
