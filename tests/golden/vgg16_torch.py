"""The judge of tests/cli/network_torch.sh: VGG16 without top by PyTorch in double precision.

  vgg16_torch.py weights FILE            writes Keras' no-top layout with random weights (h5py)
  vgg16_torch.py input FILE SIZE N       writes N random pictures, float32 [N][SIZE][SIZE][3]
  vgg16_torch.py check WEIGHTS CUT IN OUT LIMIT
                                         relative L2 error of OUT against PyTorch; exit 1 above LIMIT
"""
import sys

import h5py
import numpy as np

BLOCKS = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]


def convolutions():
    """(block, name, channels in, channels out) of the thirteen."""
    before = 3
    for block, (maps, count) in enumerate(BLOCKS, 1):
        for i in range(1, count + 1):
            yield block, f"block{block}_conv{i}", before, maps
            before = maps


def write_weights(path):
    rng = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        names = ["input_1"]
        file.create_group("input_1").attrs["weight_names"] = np.zeros(0)  # as Keras leaves layers without weights
        for block, name, before, maps in convolutions():
            group = file.create_group(name)
            kernel = rng.normal(0, np.sqrt(2 / (9 * before)), (3, 3, before, maps)).astype("f4")
            bias = rng.normal(0, 0.1, maps).astype("f4")
            group.create_dataset(f"{name}_W_1:0", data=kernel)
            group.create_dataset(f"{name}_b_1:0", data=bias)
            group.attrs["weight_names"] = [f"{name}_W_1:0".encode(), f"{name}_b_1:0".encode()]
            names.append(name)
        file.attrs["layer_names"] = [name.encode() for name in names]


def weights_of(file, name):
    """Kernel and bias by Keras' own name lists."""
    group = file[name]
    values = {str(w, "ascii") if isinstance(w, bytes) else w: None for w in group.attrs["weight_names"]}
    kernel = [w for w in values if "_W" in w or "kernel" in w][0]
    bias = [w for w in values if "_b" in w.replace("block", "") or "bias" in w][0]
    return group[kernel][...], group[bias][...]


def forward(path, cut, pictures):
    import torch

    x = torch.from_numpy(pictures.astype("f8")).permute(0, 3, 1, 2)
    last = int(cut[5])
    before = 1
    with h5py.File(path) as file, torch.no_grad():
        for block, name, _, _ in convolutions():
            if block > last:
                break
            if block != before:
                x = torch.nn.functional.max_pool2d(x, 2)
                before = block
            kernel, bias = weights_of(file, name)
            x = torch.nn.functional.conv2d(x, torch.from_numpy(kernel.astype("f8")).permute(3, 2, 0, 1),
                                           torch.from_numpy(bias.astype("f8")), padding=1).relu()
        return torch.nn.functional.max_pool2d(x, 2).permute(0, 2, 3, 1).numpy()


def check(weights, cut, pictures, features, limit):
    want = forward(weights, cut, np.load(pictures))
    got = np.load(features)
    if got.shape != want.shape or got.dtype != np.float32:
        sys.exit(f"{cut}: {got.dtype} {got.shape}, expected float32 {want.shape}")
    error = np.linalg.norm(got - want) / np.linalg.norm(want)
    print(f"{cut}: shape {got.shape}, relative L2 error {error:.2e}, limit {limit}")
    sys.exit(not error <= float(limit))


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "weights":
        write_weights(*arguments)
    elif command == "input":
        rng = np.random.default_rng(5)
        np.save(arguments[0], rng.uniform(-124, 152, (int(arguments[2]), int(arguments[1]), int(arguments[1]), 3)).astype("f4"))
    elif command == "check":
        check(*arguments)
    else:
        sys.exit(__doc__)
