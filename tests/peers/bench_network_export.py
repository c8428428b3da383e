"""bench_network_export.py WEIGHTS BATCH SIZE MODEL.onnx: the network of bench_network_torch as ONNX, NHWC outside."""
import sys

import torch

sys.argv, (weights, batch, size, model) = sys.argv[:1], sys.argv[1:]
source = open("tests/peers/bench_network_torch.py").read().rsplit("main(", 1)[0]
exec(compile(source, "bench_network_torch.py", "exec"))


class Outside(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = build(weights)

    def forward(self, x):
        return self.net(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous()


torch.onnx.export(Outside().eval(), torch.zeros(int(batch), int(size), int(size), 3), model, input_names=["x"], output_names=["y"])
