"""bench_head.py make FILE ROWS WIDTH CLASSES | FILE ROWS WIDTH CLASSES THREADS EPOCHS: the epochs of bench_head by PyTorch, on the same
bytes: Linear, cross-entropy, Adam, batches of 50 in shuffled order. Prints a line of seconds an epoch, the warm-up left out."""
import sys
import time

import numpy as np

if sys.argv[1] == "make":
    n, width, classes = map(int, sys.argv[3:])
    rng = np.random.default_rng(1)
    with open(sys.argv[2], "wb") as f:
        np.maximum(rng.normal(size=(n, width)), 0).astype("f4").tofile(f)
        rng.integers(classes, size=n).astype("i4").tofile(f)
    sys.exit()

import torch

n, width, classes, threads, epochs = map(int, sys.argv[2:])
torch.set_num_threads(threads)
torch.manual_seed(1)
with open(sys.argv[1], "rb") as f:
    x = torch.from_numpy(np.fromfile(f, "f4", n * width).reshape(n, width))
    y = torch.from_numpy(np.fromfile(f, "i4", n).astype("i8"))
net = torch.nn.Linear(width, classes)
adam, loss = torch.optim.Adam(net.parameters(), 1e-3, eps=1e-7), torch.nn.CrossEntropyLoss()
for epoch in range(epochs + 1):
    started = time.perf_counter()
    for rows in torch.randperm(n).split(50):
        adam.zero_grad(set_to_none=True)
        loss(net(x[rows]), y[rows]).backward()
        adam.step()
    if epoch:
        print(f"{time.perf_counter() - started:.6f}")
