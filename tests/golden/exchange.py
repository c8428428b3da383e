"""NumPy, SciPy and h5py (Debian 12: 1.24, 1.10, 3.7) beside the library io.

exchange.py write FOLDER   files for it to read
exchange.py check FOLDER   judge the files it wrote: NumPy arrays, a zip, safetensors (parsed by hand), HDF5
"""
import json
import math
import sys
import zipfile

import h5py
import numpy as np


def ramp(count):
    i = np.arange(count, dtype=np.float64)
    return (np.sin(i) * np.exp(i * 0.006 - 11)).astype(np.float32)


def write(folder):
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    for name, array, version in [("v1", a, (1, 0)), ("v2", a, (2, 0)), ("scalar", np.float64(2.5), None), ("big", a.astype(">f4"), None),
                                 ("fortran1", np.asfortranarray(a[0]), None), ("fortran2", np.asfortranarray(a), None),
                                 ("bool", a > 2, None), ("complex", a.astype(np.complex64), None)]:
        with open(f"{folder}/{name}.npy", "wb") as f:
            np.lib.format.write_array(f, np.asanyarray(array), version=version)
    np.save(f"{folder}/object.npy", np.array([1, "x"], dtype=object), allow_pickle=True)
    names = [f"층_{i}" for i in range(5)]
    raw = [n.encode() for n in names]
    with h5py.File(f"{folder}/theirs.h5", "w") as f:
        f.attrs["fixed"] = np.array(raw[:4])
        f.attrs.create("variable", names[:4], dtype=h5py.string_dtype("utf-8"))
        f.attrs["split0"], f.attrs["split1"] = np.array(raw[:3]), np.array(raw[3:])
        f.attrs["empty"] = np.array([])
        f.attrs["nothing"] = h5py.Empty("f8")
        f.attrs["text"], f.attrs["integer"] = "변수", np.int16(7)
        f.create_dataset("words", data=["one", "둘"], dtype=h5py.string_dtype("utf-8"))
        f["half"] = np.array([0.25, -65504, 2.0 ** -24, math.inf, math.nan], dtype=np.float16)
        f["big_endian"] = np.array([1.5, -2], dtype=">f2")


def read_safetensors(path):
    data = open(path, "rb").read()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    assert (8 + length) % 64 == 0 and data[8:9] == b"{"
    body, reached, out = data[8 + length:], 0, {}
    for name, entry in sorted(((n, e) for n, e in header.items() if n != "__metadata__"), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        dtype = np.dtype({"F32": "<f4", "U8": "u1", "I64": "<i8"}[entry["dtype"]])
        assert begin == reached and end - begin == dtype.itemsize * math.prod(entry["shape"]) and begin % dtype.itemsize == 0, name
        out[name], reached = np.frombuffer(body[begin:end], dtype).reshape(entry["shape"]), end
    assert reached == len(body)
    return header.get("__metadata__"), out


def check(folder):
    cube = ramp(24).reshape(2, 3, 4)
    close = dict(rtol=1e-6, atol=0)
    assert np.allclose(np.load(f"{folder}/cube.npy"), cube, **close)
    path = f"{folder}/arrays.npz"
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
        assert all(m.date_time == (1980, 1, 1, 0, 0, 0) and m.compress_type == zipfile.ZIP_STORED for m in z.infolist())
    with np.load(path) as z:
        assert sorted(z.files) == ["bytes", "cube", "nothing", "scalar", "whole"]
        assert np.allclose(z["cube"], cube, **close) and z["scalar"].shape == () and z["nothing"].shape == (0, 3)
        assert z["whole"].tolist() == [-2 ** 63, 2 ** 63 - 1] and z["bytes"].tolist() == [b"abcde", b"\0xyz"]
    meta, tensors = read_safetensors(f"{folder}/a.safetensors")
    assert meta == {"made": "here"} and np.allclose(tensors["cube"], cube, **close)
    assert tensors["name/bytes"].tobytes() == b"xyz" and tensors["name/offsets"].tolist() == [0, 1, 3]
    with h5py.File(f"{folder}/ours.h5", "r") as f:
        single = f["deep/single"][:]
        assert np.allclose(single.ravel(), ramp(3000), **close)
        assert f["half"].dtype == np.float16
        assert np.array_equal(f["half"][:].view(np.uint16), single.astype(np.float16).view(np.uint16)), "halves are not rounded as NumPy does"
        assert [t.decode() for t in f["texts"][:]] == ["", "plain", "한글"]
        offsets, data = f["table/offsets"][:], f["table/bytes"][:].tobytes()
        assert [data[a:b].decode() for a, b in zip(offsets, offsets[1:])] == ["", "plain", "한글"]
        assert f.attrs["backend"].decode() == "tensorflow" and f["deep"].attrs["number"] == 0.1
        names = [f"layer_with_a_long_name_{i:05d}/kernel:0" for i in range(2500)]
        assert [n.decode() for n in f["deep"].attrs["weight_names"]] == names[:3]
        assert "layer_names" not in f.attrs
        # Keras' own reader: NAME0, NAME1 … until one is missing
        found, part = [], 0
        while f"layer_names{part}" in f.attrs:
            assert f.attrs[f"layer_names{part}"].nbytes <= 64512
            found += [n.decode("utf8") for n in f.attrs[f"layer_names{part}"]]
            part += 1
        assert found == names and part > 1


{"write": write, "check": check}[sys.argv[1]](sys.argv[2])
