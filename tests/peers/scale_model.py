"""A stage's seconds as s + u·x + w·x / n + e·steps over measured points, and what that says of K-FACE at full size: scale_model.py [OPTION…] POINTS.

x is what the stage has to do (scale_stages.done), n its ranks, s what it costs whatever the input, u what every rank does for itself or one for all, w what
is shared. Training layers, u is for a step, and e what ranks add to one when there are several. Least squares of the relative differences; no term may
be negative. Between nodes come the network and the common disk."""
import argparse
import hashlib
import itertools
import math
import statistics
import time


import numpy

FRAME_BYTES = 346 * 230 * 3
FEATURES = 4 * 4 * 512        # block5_pool of 150 × 150
MAP = 9 * 9 * 512             # block4_pool, which training block 5 begins with
BLOCK5 = 3 * (3 * 3 * 512 * 512 + 512) + FEATURES * 3 + 3
HEAD_BLOCKS = FEATURES // 1024
UNITS = {"faces": "picture", "features": "picture", "head": "picture and epoch", "layers": "picture and epoch", "cascade": "sample and weak classifier"}


def read_points(path):
    """{stage: {(ranks, x, steps): [seconds of each round]}}"""
    points = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, ranks, x, steps, seconds = line.split()
            points.setdefault(name, {}).setdefault((int(ranks), float(x), float(steps)), []).append(float(seconds))
    return points


def columns(ranks, x, steps):
    """What s, u, w and e are multiplied with."""
    return [1, steps or x, x / ranks, steps if ranks > 1 else 0]


def fit(points):
    """((s, u, w, e), relative differences) of {(ranks, x, steps): seconds}."""
    rows = numpy.array([columns(*at) for at in points]) / numpy.array(list(points.values()))[:, None]
    best = None
    for size in range(1, 5):
        for kept in itertools.combinations(numpy.flatnonzero(rows.any(axis=0)), size):
            found = numpy.zeros(4)
            found[list(kept)] = numpy.linalg.lstsq(rows[:, kept], numpy.ones(len(rows)), rcond=None)[0]
            difference = rows @ found - 1
            if (found >= 0).all() and (best is None or (difference**2).sum() < (best[1]**2).sum()):
                best = found, difference
    return best


def fit_rounds(points):
    """The fit of the medians, and the least and most of each term, fitted to one round after the other as well."""
    found, difference = fit({at: statistics.median(seconds) for at, seconds in points.items()})
    rounds = min(len(seconds) for seconds in points.values())
    each = [found] + [fit({at: seconds[r] for at, seconds in points.items()})[0] for r in range(rounds)]
    return found, difference, numpy.min(each, axis=0), numpy.max(each, axis=0)


# What the ranks send to one another, in bytes of all of them together: bench_wire.py counts it.

def gathered(size, n):
    """Each has its part of it and gets the others'."""
    return size * (n - 1)


def summed(size, n):
    """Shares of it are exchanged, added up, and gathered."""
    return 2 * size * (n - 1)


def head_bytes(steps, epochs, n, batch=50, classes=3):
    """Shares of the logits and of the penalty each step; kernel and moments for a checkpoint and after an epoch."""
    return steps * gathered(HEAD_BLOCKS * (batch * classes * 4 + 8), n) + (steps // 100 + epochs) * gathered(3 * FEATURES * classes * 4, n)


def layers_bytes(steps, filled, n):
    return steps * summed(BLOCK5 * 4, n) + gathered(filled * FEATURES * 4, n)


def als_bytes(iterations, users, songs, n, factors=128, chunk=512):
    """Whitened factors and Gram matrices of chunks of both sides, and the losses of songs; in the beginning the songs' Gram matrix, in the end the factors."""
    def gram(rows):
        return math.ceil(rows / chunk) * factors**2 * 4
    once = (users + songs) * factors * 4
    return gathered(iterations * (once + gram(users) + gram(songs) + songs * 8) + gram(songs) + once, n)


def mined(negatives, pictures, n):
    """Negatives of a stage that ranks gather: batches of 64 pictures a rank until there are enough, of each picture a share of three times as many."""
    batch = min(64 * n, pictures) * math.ceil(3 * negatives / pictures)
    return math.ceil(negatives / batch) * batch


def cascade_bytes(weak, crops, n, window=24 * 24):
    return weak * n * gathered(16, n) + gathered(crops * window, n)


def features_bytes(pieces, n):
    return 2 * 8 * pieces * (n - 1) / n


# K-FACE at full size.

def hash_rate():
    """Bytes/s, the best of some: others may be at work."""
    block, rates = bytes(1 << 25), []
    for _ in range(5):
        begun = time.perf_counter()
        hashlib.sha256(block).digest()
        rates.append(len(block) / (time.perf_counter() - begun))
    return max(rates)


class Nodes:
    """n of them. Each stage: seconds by what they go to, bytes that all nodes together send, read and write, and what a node has in memory."""

    def __init__(self, n, given, fits):
        self.n, self.given, self.fits = n, given, fits
        self.node = given.cores * given.efficiency # as many cores as that, each beside a busy one

    def disk(self, read, written):
        return read / self.given.read + written / self.given.write

    def sent(self, total, messages=0):
        """Nodes send at once; of messages one waits for the other, each log2 n deep."""
        return total / self.n / (self.given.network * self.given.reached) + messages * self.given.latency * math.log2(self.n)

    def faces(self):
        s, u, w, _ = self.fits["faces"]
        pictures, frames = self.given.pictures, self.given.pictures * FRAME_BYTES * self.given.deflated
        # A person is in one shard, of which there are at most 256: the last rank to be ready has this many.
        share = max(pictures / self.n, pictures / self.given.people * math.ceil(self.given.people / 256))
        archive, shared, alone = pictures * self.given.picture_bytes, w * share / self.node, s + u * pictures
        disk, hashed = self.disk(archive, frames), frames / self.given.hash
        return {"shared": shared, "alone": alone, "disk": disk, "hashed": hashed, "seconds": max(shared, disk) + alone + hashed,
                "read": archive + frames, "written": frames}

    def features(self):
        s, u, w, _ = self.fits["features"]
        pictures, features = self.given.pictures, self.given.pictures * FEATURES * 4
        frames = pictures * FRAME_BYTES * self.given.deflated
        shared, alone, hashed = w * pictures / self.n / self.node, s + u * pictures, features / self.given.hash
        during, after = self.disk(frames, features), self.disk(features, features) # the side file; then rank 0's features.h5
        return {"shared": shared, "alone": alone, "disk": during + after, "hashed": hashed,
                "seconds": max(shared, during) + max(alone, after) + hashed, "network": features_bytes(pictures / 64, self.n),
                "read": frames + 2 * features, "written": 2 * features}

    def head(self, epochs=30, batch=50):
        s, u, w, _ = self.fits["head"]
        train, rows = self.given.pictures * 0.7, self.given.pictures * 0.8 * FEATURES * 4 # with the validation people's
        x, steps = train * epochs, train * epochs / batch
        shared, alone = w * x / min(self.n * self.node, HEAD_BLOCKS), s + u * x # blocks are what ranks and threads share
        network, read = head_bytes(steps, epochs, self.n, batch), self.n * rows
        exchanged, disk = self.sent(network, 2 * steps), self.disk(read, 0)
        return {"shared": shared, "alone": alone, "disk": disk, "exchanged": exchanged, "seconds": shared + alone + disk + exchanged,
                "network": network, "read": read, "memory": rows}

    def layers(self, epochs=10, batch=32):
        s, u, w, e = self.fits["layers"]
        train, rows = self.given.pictures * 0.7, self.given.pictures * 0.8 * FEATURES * 4
        x, steps, validation = train * epochs, train * epochs / batch, train / 7 * (1 + epochs)
        # A node's threads share what its rank does once a step.
        shared, alone = w * x / self.n / self.node, s + u * steps / self.node
        network, read = layers_bytes(steps, train + validation, self.n), (x + train + validation) * MAP * 4
        exchanged, disk = (e * steps if self.n > 1 else 0) + self.sent(network, 2 * 9 * steps), self.disk(read, 0)
        return {"shared": shared, "alone": alone, "disk": disk, "exchanged": exchanged, "seconds": max(shared, disk) + alone + exchanged,
                "network": network, "read": read, "memory": rows}

    def cascade(self):
        s, u, w, _ = self.fits["cascade"]
        x = 8000 * self.given.weak
        shared, alone = w * x / self.n / self.node, s + u * x
        network = cascade_bytes(self.given.weak, 18 * mined(4000, 1000, self.n), self.n)
        exchanged = self.sent(network, self.given.weak)
        return {"shared": shared, "alone": alone, "exchanged": exchanged, "seconds": shared + alone + exchanged, "network": network}


def print_fits(points):
    fits = {}
    for name, measured in points.items():
        found, difference, least, most = fit_rounds(measured)
        fits[name] = found
        s, u, w, e = (f"{scale * v:.3g} ({scale * a:.3g}-{scale * b:.3g})" for v, a, b, scale in zip(found, least, most, (1, 1e6, 1e6, 1e3)))
        once = f"u {u} us" if name != "layers" else f"e {e} ms a step of several ranks, u {u} us a step"
        print(f"{name:8} s {s} s, {once}, w {w} us a {UNITS[name]}; differences {100 * math.sqrt((difference**2).mean()):.1f} %, at most "
              f"{100 * abs(difference).max():.1f} %, {len(difference)} points")
        for (ranks, x, steps), seconds in sorted(measured.items()):
            model = found @ columns(ranks, x, steps)
            print(f"         {ranks} rank{'s' if ranks > 1 else ' '}, {x:7.0f} {f'in {steps:3.0f} steps' if steps else '':12}: "
                  f"{statistics.median(seconds):6.2f} s ({min(seconds):.2f}-{max(seconds):.2f}), fitted {model:6.2f}")
    return fits


def time_of(seconds):
    return f"{seconds / 3600:.2f} h" if seconds >= 600 else f"{seconds:.0f} s"


def print_stage(name, label, given, fits, **options):
    for n in given.nodes if name in fits else ():
        cost = {"network": 0, "read": 0, "written": 0, **getattr(Nodes(n, given, fits), name)(**options)}
        parts = ", ".join(f"{part} {time_of(cost[part])}" for part in ("shared", "alone", "exchanged", "disk", "hashed") if cost.get(part))
        memory = f"; memory {cost['memory'] / 1e9:.0f} GB a node" if "memory" in cost else ""
        print(f"{label:17} {n:4} node{'s' if n > 1 else ' '} {time_of(cost['seconds']):>8} ({parts}); sent {cost['network'] / 1e9:.3g} GB in all, "
              f"read {cost['read'] / 1e12:.2f} TB, written {cost['written'] / 1e12:.2f} TB{memory}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("points")
    parser.add_argument("--nodes", type=lambda text: [int(n) for n in text.split(",")], default=[1, 16, 64, 256], help="as 1,16")
    parser.add_argument("--cores", type=int, default=16, help="a node's")
    parser.add_argument("--efficiency", type=float, default=0.85, help="of a node's cores together, of one beside a busy neighbour")
    parser.add_argument("--network", type=float, default=1e9, help="bytes/s a node sends")
    parser.add_argument("--reached", type=float, default=0.78, help="share of that which exchanges reach (bench_wire.sh)")
    parser.add_argument("--latency", type=float, default=50e-6, help="seconds of a message")
    parser.add_argument("--read", type=float, default=2e9, help="bytes/s of the common disk, all nodes together")
    parser.add_argument("--write", type=float, default=1e9)
    parser.add_argument("--hash", type=float, help="bytes/s of SHA-256 on one core (measured)")
    parser.add_argument("--pictures", type=float, default=400 * 32400, help="of one resolution")
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--picture-bytes", type=float, default=16e3, help="in the archive")
    parser.add_argument("--deflated", type=float, default=0.72, help="of a frame, where a photograph fills it")
    parser.add_argument("--weak", type=int, default=300, help="weak classifiers of 18 stages")
    given = parser.parse_args()
    given.hash = given.hash or hash_rate()
    fits = print_fits(read_points(given.points))
    print("K-FACE at full size; " + ", ".join(f"{key} {value:.4g}" for key, value in vars(given).items() if isinstance(value, (int, float))))
    for name in ("faces", "features", "cascade", "head"):
        print_stage(name, name, given, fits)
    for batch in (32, 256):
        print_stage("layers", f"layers, batch {batch}", given, fits, batch=batch)


if __name__ == "__main__":
    main()
