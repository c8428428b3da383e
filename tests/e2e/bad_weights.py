"""Keras no-top weights of block1 with a layer missing and with a layer of another shape; and an input picture."""
import sys

import h5py
import numpy as np

folder = sys.argv[1] + "/"


def write(path, layers):
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for name, shape in layers.items():
            group = file.create_group(name)
            names = [f"{name}_W_1:0", f"{name}_b_1:0"]
            group.attrs["weight_names"] = [n.encode() for n in names]
            group[names[0]] = np.full(shape, 0.01, np.float32)
            group[names[1]] = np.zeros(shape[3], np.float32)


write(folder + "missing.h5", {"block1_conv1": (3, 3, 3, 64)})
write(folder + "misshapen.h5", {"block1_conv1": (3, 3, 3, 64), "block1_conv2": (64, 64, 3, 3)})
np.save(folder + "in.npy", np.zeros((1, 150, 150, 3), np.float32))
