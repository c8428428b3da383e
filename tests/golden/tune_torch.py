"""Ten steps of training the last layers by PyTorch's automatic gradients (float64) and Adam as Keras writes it.

tune_torch.py > tests/golden/tune_torch.txt      (made with PyTorch 1.13)

A tiny network: conv 3→4, conv 4→6, pool, average of 2×2, dense 3 classes, maps of 9×7. Weights, maps and labels are
formulas that test_tune.c repeats. Output: ten losses, the gradient of every array at the first step (each fifth value),
the weights after the last step (each fifth value).
"""
import numpy as np
import torch

N, STEPS, RATE = 5, 10, 0.01


def wave(shape, which, scale):
    i = np.arange(int(np.prod(shape)), dtype="f8")
    return (np.sin(i * (0.37 + 0.11 * which) + which) * scale).astype("f4").astype("f8").reshape(shape)


def main():
    maps = torch.from_numpy(wave((N, 9, 7, 3), 9, 1.0)).permute(0, 3, 1, 2)
    labels = torch.tensor([i * 2 % 3 for i in range(N)])
    arrays = [wave((3, 3, 3, 4), 0, 0.4), wave((4,), 1, 0.1), wave((3, 3, 4, 6), 2, 0.3), wave((6,), 3, 0.1),
              wave((2 * 1 * 6, 3), 4, 0.5), wave((3,), 5, 0.1)]
    weights = [torch.from_numpy(a).requires_grad_() for a in arrays]
    moment, square = [torch.zeros_like(w) for w in weights], [torch.zeros_like(w) for w in weights]
    losses, first = [], None
    for step in range(1, STEPS + 1):
        x = maps
        for k, b in ((weights[0], weights[1]), (weights[2], weights[3])):
            x = torch.nn.functional.conv2d(x, k.permute(3, 2, 0, 1), b, padding=1).relu()
        x = torch.nn.functional.avg_pool2d(torch.nn.functional.max_pool2d(x, 2), 2)
        logits = x.permute(0, 2, 3, 1).reshape(N, -1) @ weights[4] + weights[5]
        loss = torch.nn.functional.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, weights)
        losses.append(loss.item())
        first = first or gradients
        rate = RATE * np.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step)
        with torch.no_grad():
            for w, g, m, v in zip(weights, gradients, moment, square):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                w -= rate * m / (v.sqrt() + 1e-7)
    print("losses", *(f"{x:.8g}" for x in losses))
    for name, group in (("gradient", first), ("weights", weights)):
        for i, array in enumerate(group):
            print(f"{name}{i}", *(f"{x:.8g}" for x in array.detach().numpy().ravel()[::5]))


main()
