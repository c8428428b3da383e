"""Ten steps of training a head with a hidden layer by PyTorch's automatic gradients (float64) and Adam as Keras writes it: alone on rows of
ten features with an L2 penalty, and behind a convolution that is trained with it.

hidden_torch.py > tests/golden/hidden_torch.txt      (made with PyTorch 1.13)

Weights, inputs and labels are formulas that test_head_hidden.c repeats. Output, for each of both: the losses, the gradient of every array at
the first step, the weights after the last.
"""
import numpy as np
import torch

STEPS, RATE, HIDDEN, CLASSES, L2 = 10, 0.01, 5, 3, 0.01


def wave(shape, which, scale):
    i = np.arange(int(np.prod(shape)), dtype="f8")
    return torch.from_numpy((np.sin(i * (0.37 + 0.11 * which) + which) * scale).astype("f4").astype("f8").reshape(shape))


def dense(x, arrays):
    return torch.relu(x @ arrays[0] + arrays[1]) @ arrays[2] + arrays[3]


def head(inputs):
    return [wave((inputs, HIDDEN), 0, 0.4), wave((HIDDEN,), 1, 0.1), wave((HIDDEN, CLASSES), 2, 0.5), wave((CLASSES,), 3, 0.1)]


def alone(arrays):
    return dense(wave((6, 10), 9, 1.0), arrays), L2 * (arrays[0].square().sum() + arrays[2].square().sum())


def behind(arrays):
    maps = wave((6, 4, 4, 3), 9, 1.0).permute(0, 3, 1, 2)
    x = torch.relu(torch.nn.functional.conv2d(maps, arrays[4].permute(3, 2, 0, 1), arrays[5], padding=1))
    x = torch.nn.functional.max_pool2d(x, 2).permute(0, 2, 3, 1).reshape(6, -1)
    return dense(x, arrays), 0


def train(name, model, arrays):
    arrays = [a.requires_grad_() for a in arrays]
    moment, square = [torch.zeros_like(w) for w in arrays], [torch.zeros_like(w) for w in arrays]
    labels = torch.tensor([i * 2 % CLASSES for i in range(6)])
    losses, first = [], None
    for step in range(1, STEPS + 1):
        logits, penalty = model(arrays)
        loss = torch.nn.functional.cross_entropy(logits, labels) + penalty
        gradients = torch.autograd.grad(loss, arrays)
        losses.append(loss.item())
        first = first or gradients
        rate = RATE * np.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step)
        with torch.no_grad():
            for w, g, m, v in zip(arrays, gradients, moment, square):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                w -= rate * m / (v.sqrt() + 1e-7)
    print(f"{name}_losses", *(f"{x:.8g}" for x in losses))
    for what, group in (("gradient", first), ("weights", arrays)):
        for i, array in enumerate(group):
            print(f"{name}_{what}{i}", *(f"{x:.8g}" for x in array.detach().numpy().ravel()))


train("alone", alone, head(10))
train("behind", behind, head(16) + [wave((3, 3, 3, 4), 4, 0.4), wave((4,), 5, 0.1)])
