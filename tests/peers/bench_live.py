"""bench_live.py MOODCAST BUNDLE ROUNDS: one 640x480 JPEG after another through `moodcast serve` (JPEG in by HTTP, JSON out) and, in turns, through
the same chain in Python (cv2 decodes and detects, torch runs VGG16), two threads each. Python pays neither for HTTP nor for songs."""
import http.client, json, os, re, subprocess, sys, time
import cv2, numpy as np, torch
from vgg16_bundle import BLOCKS, SIZE, XML, make_bundle, picture

THREADS = 2


def torch_network(tensors):
    layers, channels = [], 3
    for block, count in enumerate(BLOCKS, 1):
        for layer in range(1, count + 1):
            kernel, bias = (torch.from_numpy(tensors[f"block{block}_conv{layer}/{part}"]) for part in ("kernel", "bias"))
            convolution = torch.nn.Conv2d(channels, kernel.shape[3], 3, padding=1)
            convolution.weight.data, convolution.bias.data = kernel.permute(3, 2, 0, 1).contiguous(), bias
            layers += [convolution, torch.nn.ReLU(True)]
            channels = kernel.shape[3]
        layers.append(torch.nn.MaxPool2d(2))
    dense = torch.from_numpy(tensors["dense/kernel"])
    return torch.nn.Sequential(*layers).eval(), dense


class Python:
    def __init__(self, tensors):
        torch.set_num_threads(THREADS)
        cv2.setNumThreads(THREADS)
        self.network, self.dense = torch_network(tensors)
        self.cascade = cv2.CascadeClassifier(XML)

    def ask(self, jpeg):
        times = [time.perf_counter()]
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        times.append(time.perf_counter())
        faces = self.cascade.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 1.1, 3, 0, (60, 60))
        times.append(time.perf_counter())
        found = []
        with torch.no_grad():
            for x, y, w, h in faces:
                crop = cv2.resize(picture[y:y + h, x:x + w, ::-1], (SIZE, SIZE)).astype(np.float32) / 255
                map_ = self.network(torch.from_numpy(crop).permute(2, 0, 1)[None].contiguous())
                scores = torch.softmax(map_.permute(0, 2, 3, 1).reshape(1, -1) @ self.dense, 1)[0]
                found.append({"x": int(x), "y": int(y), "w": int(w), "h": int(h), "scores": scores.tolist()})
        times.append(time.perf_counter())
        json.dumps({"faces": found})
        times.append(time.perf_counter())
        parts = np.diff(times) * 1000
        return {"decode": parts[0], "detect": parts[1], "network": parts[2], "whole": sum(parts)}, found


class Moodcast:
    def __init__(self, program, bundle):
        start = time.perf_counter()
        self.process = subprocess.Popen([program, "serve", "--bundle", bundle, "--listen", "127.0.0.1:0", "--threads", str(THREADS)], stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "OMP_NUM_THREADS": str(THREADS)})
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stderr.readline()).group(1))
        self.start = start
        self.link = http.client.HTTPConnection("127.0.0.1", self.port)

    def fetch(self, method, path, body=None):
        self.link.request(method, path, body, {"X-Moodcast-Session": "bench"} if path.startswith("/api/analyze") else {})
        answer = self.link.getresponse()
        data = answer.read()
        assert answer.status == 200, data
        return data

    def ask(self, jpeg):
        start = time.perf_counter()
        reply = json.loads(self.fetch("POST", "/api/analyze", jpeg))
        middle = time.perf_counter()
        self.fetch("GET", "/api/recommend?label=positive&n=8")
        end = time.perf_counter()
        return {**reply["parts"], "recommend": (end - middle) * 1000, "whole": (end - start) * 1000}, reply["faces"]

    def page(self):
        start = time.perf_counter()
        self.fetch("GET", "/")
        return (time.perf_counter() - start) * 1000

    def memory(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read()).group(1)) / 1024


def table(name, runs):
    line = []
    for part in runs[0]:
        values = [run[part] for run in runs]
        line.append(f"{part} {np.percentile(values, 50):.1f}/{np.percentile(values, 99):.1f}")
    print(f"  {name:9} p50/p99 ms: " + ", ".join(line))
    whole = [run["whole"] for run in runs]
    return np.percentile(whole, 50), np.percentile(whole, 99)


def main(program, folder, rounds):
    tensors = make_bundle(folder)
    jpeg = picture()
    ours = Moodcast(program, folder)
    _, mine = ours.ask(jpeg)
    print(f"  start to first answer {time.perf_counter() - ours.start:.2f} s (weights of {sum(t.nbytes for t in tensors.values()) >> 20} MB)")
    theirs = Python(tensors)
    _, its = theirs.ask(jpeg)
    assert len(mine) == len(its) == 1 and all(mine[0][key] == its[0][key] for key in "xywh"), (mine, its)
    worst = max(abs(a - b) for a, b in zip(mine[0]["scores"].values(), its[0]["scores"]))
    print(f"  one face in both, the same rectangle; scores differ by at most {worst:.1e}")
    assert worst < 2e-3
    for _ in range(5):
        ours.ask(jpeg), theirs.ask(jpeg)
    own, other, ratios = [], [], []
    for _ in range(rounds):
        a, b = [ours.ask(jpeg)[0] for _ in range(10)], [theirs.ask(jpeg)[0] for _ in range(10)]
        own += a
        other += b
        ratios.append(np.median([run["whole"] for run in b]) / np.median([run["whole"] for run in a]))
    p50, p99 = table("moodcast", own)
    table("Python", other)
    print(f"  whole: {np.median(ratios):.2f} times Python's speed ({min(ratios):.2f}-{max(ratios):.2f} in {rounds} turns of 10); p99 / p50 = {p99 / p50:.2f}")
    pages = [ours.page() for _ in range(200)]
    print(f"  page: {np.percentile(pages, 50):.2f} / {np.percentile(pages, 99):.2f} ms; memory {ours.memory():.0f} MB")
    frames = int(os.environ.get("FRAMES", "0"))
    if frames:
        seen = []
        for frame in range(frames):
            ours.fetch("POST", "/api/analyze", jpeg)
            if frame % 100 == 99:
                seen.append(ours.memory())
        marks = ", ".join(f"{seen[at // 100 - 1]:.1f} after {at}" for at in (100, 1000, 2500, 5000, 10000, 20000) if at <= frames)
        print(f"  memory, MB: {marks} more pictures; largest {max(seen):.1f}")
    ours.process.terminate()
    assert ours.process.wait() == 0


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
