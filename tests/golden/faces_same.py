"""faces_same.py ONE.h5 OTHER.h5 [SHARDS]: every data set and attribute of two faces.h5 reads equal; OTHER's pixels are joined from so many shards."""
import sys

import h5py
import numpy as np

one, other = (h5py.File(path, "r") for path in sys.argv[1:3])


def sets(file):
    names = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


assert sets(one) == sets(other) and len(sets(one)) == 15, (sets(one), sets(other))
for name in sets(one):
    a, b = one[name], other[name]
    assert a.shape == b.shape and a.dtype == b.dtype, name
    for row in range(0, len(a), 64):
        assert np.array_equal(a[row:row + 64], b[row:row + 64]), f"{name}: rows from {row} on"
assert set(one.attrs) == set(other.attrs)
for name in one.attrs:
    assert np.array_equal(one.attrs[name], other.attrs[name]), name
assert not one["pixels"].is_virtual
shards = len(other["pixels"].virtual_sources()) if other["pixels"].is_virtual else 0
assert len(sys.argv) < 4 or shards == int(sys.argv[3]), f"{shards} shards"
