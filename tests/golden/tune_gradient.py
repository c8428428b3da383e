"""tune_gradient.py FIRST BATCH FOLDER LOSS H W C: PyTorch's gradients (float64) of what tune_dump wrote."""
import sys
import numpy as np, torch

first, batch, folder, loss = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
h, w, c = map(int, sys.argv[5:8])
PLAN = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
if first != "input":
    PLAN = PLAN[[i for i, v in enumerate(PLAN) if v == "M"][int(first[5]) - 1] + 1:]
weights, want = np.fromfile(folder + "/weights", "f4"), np.fromfile(folder + "/gradients", "f4")
x = torch.from_numpy(np.fromfile(folder + "/maps", "f4").reshape(batch, h, w, c)).double().permute(0, 3, 1, 2)
at, before, arrays = 0, c, []


def take(shape):
    global at
    n = int(np.prod(shape))
    value = torch.from_numpy(weights[at:at + n].reshape(shape)).double().requires_grad_()
    arrays.append((value, want[at:at + n].reshape(shape)))
    at += n
    return value


for width in PLAN:
    if width == "M":
        x = torch.nn.functional.max_pool2d(x, 2)
        continue
    kernel, bias = take((3, 3, before, width)), take((width,))
    x = torch.relu(torch.nn.functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=1))
    before = width
x = x.permute(0, 2, 3, 1).reshape(batch, -1)
kernel, bias = take((x.shape[1], 7)), take((7,))
value = torch.nn.functional.cross_entropy(x @ kernel + bias, torch.arange(batch) % 7)
value.backward()
assert at == len(weights)
worst = max(float(np.linalg.norm(a.grad.numpy() - g) / np.linalg.norm(a.grad.numpy())) for a, g in arrays)
print(f"from {first}: {len(arrays)} arrays, loss {loss:.6f} / {value.item():.6f}, largest relative L2 error of a gradient {worst:.1e}")
assert abs(loss - value.item()) < 1e-4 * abs(value.item())
assert worst < 2e-3, worst
