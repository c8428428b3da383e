"""VGG16 by PyTorch, for bench_network: reads "THREADS" lines from stdin, runs the batch once for each and answers with
the seconds by the clock and of processor time. Arguments: weights (raw float32: HWIO kernel and bias of each layer),
pictures (raw float32 NHWC), batch, size, file for the features (raw float32 NHWC, written once)."""
import sys
import time

import numpy as np
import torch

CHANNELS = [3, 64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512, 512, "pool"]


def build(path):
    values, at, layers, before = np.fromfile(path, "f4"), 0, [], CHANNELS[0]
    for width in CHANNELS[1:]:
        if width == "pool":
            layers.append(torch.nn.MaxPool2d(2))
            continue
        conv = torch.nn.Conv2d(before, width, 3, padding=1)
        count = 9 * before * width
        kernel = values[at:at + count].reshape(3, 3, before, width).transpose(3, 2, 0, 1)
        conv.weight.data = torch.from_numpy(np.ascontiguousarray(kernel))
        conv.bias.data = torch.from_numpy(values[at + count:at + count + width].copy())
        layers += [conv, torch.nn.ReLU(inplace=True)]
        at, before = at + count + width, width
    return torch.nn.Sequential(*layers).eval()


def main(weights, pictures, batch, size, features, _threads):
    batch, size = int(batch), int(size)
    x = torch.from_numpy(np.fromfile(pictures, "f4").reshape(batch, size, size, 3)).permute(0, 3, 1, 2)
    plain = build(weights)
    with torch.inference_mode():
        kinds = [(plain, x.contiguous()),
                 (build(weights).to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last))]
        traced = torch.jit.optimize_for_inference(torch.jit.trace(plain, kinds[0][1]))
        kinds.append((traced, kinds[0][1]))
        best, torch_threads = None, None
        for line in sys.stdin:
            threads, calls = map(int, line.split())
            if torch_threads != threads:
                torch.set_num_threads(threads)
                torch_threads = threads
                timed = []
                for net, tensor in kinds:  # the fastest of its ways, each warmed up
                    net(tensor)
                    start = time.process_time()
                    net(tensor)
                    timed.append(time.process_time() - start)
                best = kinds[int(np.argmin(timed))]
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(calls):
                y = best[0](best[1])
            wall, cpu = (time.perf_counter() - wall) / calls, (time.process_time() - cpu) / calls
            y.permute(0, 2, 3, 1).contiguous().numpy().tofile(features)
            print(wall, cpu, flush=True)


main(*sys.argv[1:])
