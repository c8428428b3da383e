"""bench_tune.py block5|all BATCH THREADS STEPS: the same training step by PyTorch (oneDNN inside), plain or channels-last, whichever is
faster. Prints a line of seconds a step, the warm-up left out."""
import sys
import time

import torch

what, batch, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(1)
PLAN = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]


def build():
    layers, before = [], 3
    for width in PLAN:
        if width == "M":
            layers.append(torch.nn.MaxPool2d(2))
        else:
            layers += [torch.nn.Conv2d(before, width, 3, padding=1), torch.nn.ReLU(inplace=True)]
            before = width
    if what == "block5":
        layers = layers[-7:]
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(8192, 7))


shape = (batch, 3, 150, 150) if what == "all" else (batch, 512, 9, 9)
x, y = torch.rand(*shape), torch.arange(batch) % 7


def run(channels_last, count):
    net = build()
    data = x
    if channels_last:
        net, data = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    adam, loss, times = torch.optim.Adam(net.parameters(), 1e-5), torch.nn.CrossEntropyLoss(), []
    for _ in range(count + 1):
        started = time.perf_counter()
        adam.zero_grad(set_to_none=True)
        loss(net(data), y).backward()
        adam.step()
        times.append(time.perf_counter() - started)
    return times[1:]


first = [min(run(kind, 1)) for kind in (False, True)]
for seconds in run(first[1] < first[0], steps):
    print(f"{seconds:.6f}")
