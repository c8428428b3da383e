"""Bytes and seconds of stages on two hosts: bench_wire.py TRAIN FAR NEAR TAG WORK RATES STAGE…

FAR starts two ranks on the network namespaces TAG-1 and TAG-2, NEAR two that have memory in common. RATES in Mbit/s, the first of them 0: no limit."""
import os
import shutil
import subprocess
import sys

import h5py
import numpy

import bench_scale
import scale_model as model
import scale_stages as scale

SLOWED = ("layers", "als")


def sent(tag):
    """Bytes and packets that have left both hosts."""
    return numpy.array([[int(subprocess.run(["ip", "netns", "exec", f"{tag}-{host}", "cat", f"/sys/class/net/eth0/statistics/tx_{what}"],
                                            capture_output=True, text=True, check=True).stdout) for what in ("bytes", "packets")] for host in (1, 2)]).sum(axis=0)


def slow_down(tag, mbit):
    for host in (1, 2):
        device = ["ip", "netns", "exec", f"{tag}-{host}", "tc", "qdisc"]
        subprocess.run([*device, "del", "dev", "eth0", "root"], capture_output=True, check=False)
        if mbit:
            subprocess.run([*device, "add", "dev", "eth0", "root", "tbf", "rate", f"{mbit}mbit", "burst", "256kb", "latency", "50ms"], check=True)


def expected(name, work, out):
    """Bytes, as scale_model.py says, and how many times something was exchanged."""
    if name == "features":
        pieces = -(-scale.done(name, 1, 32, out)[0] // 64)
        return model.features_bytes(pieces, 2), pieces
    if name == "cascade":
        stages, pictures = [s for s in scale.lines(f"{out}/stages.jsonl") if "weak_classifiers" in s], scale.read(f"{out}/metrics.json")["backgrounds"]
        weak = sum(s["weak_classifiers"] for s in stages)
        return model.cascade_bytes(weak, sum(model.mined(s["negatives"], pictures, 2) for s in stages), 2), weak
    if name == "als":
        with h5py.File(f"{work}/playlists/playlists.h5") as file:
            users, songs = len(file["playlist/id"]), len(file["song/id"])
        return model.als_bytes(4, users, songs, 2), 4
    x, steps = scale.done(name, 1, 32, out)
    if name == "head":
        steps = scale.EPOCHS * -(-x // scale.EPOCHS // 50)
        return model.head_bytes(steps, scale.EPOCHS, 2), steps
    train = x // scale.TUNE_EPOCHS
    validation = sum(e["validation"] for e in scale.read(f"{out}/metrics.json")["examples"].values())
    return model.layers_bytes(steps, train + validation * (1 + scale.TUNE_EPOCHS), 2), steps


def run(program, name, work):
    out = f"{work}/out0"
    shutil.rmtree(out, ignore_errors=True)
    scale.finish(scale.start(scale.command(program, scale.stage(name, 1, 32, work), work, out)))
    return out, scale.read(f"{out}/done")["seconds"]


def main(train, many, near, tag, work, rates, *stages):
    bench_scale.prepare(train, work)
    for name in stages:
        run(many.split(), name, work) # what a first run waits for: memory
        memory = run(near.split(), name, work)[1]
        points = []
        for mbit in (int(rate) for rate in rates.split()):
            if mbit and name not in SLOWED:
                continue
            slow_down(tag, mbit)
            before = sent(tag)
            out, seconds = run(many.split(), name, work)
            (counted, packets), (said, times) = sent(tag) - before, expected(name, work, out)
            points.append((mbit, seconds))
            wire = f"{mbit} Mbit/s: {points[0][1] + said / 2 * 8e-6 / mbit:6.2f} s said," if mbit else f"no limit  : {memory:6.2f} s over memory,"
            print(f"{name:8} {wire} {seconds:6.2f} s; sent {counted / 1e6:8.3f} MB in {packets} packets, said {said / 1e6:8.3f} MB "
                  f"({counted / said:.3f}), {times} exchanges", flush=True)
        slow_down(tag, 0)
        if name == "head":
            print(f"head     {1e6 * (points[0][1] - memory) / (2 * times):.0f} us more a message than over memory in common")
        if len(points) > 3:
            tell_wire(name, points, counted)


def tell_wire(name, points, counted):
    """seconds = local + bytes / rate by least squares over the slow rates, beside the bytes that a host sent."""
    slow = [(8e-6 / mbit, seconds) for mbit, seconds in points if mbit]
    rows, seconds = numpy.array([[1, x] for x, _ in slow]), numpy.array([s for _, s in slow])
    (local, size), *_ = numpy.linalg.lstsq(rows, seconds, rcond=None)
    difference = 100 * abs(rows @ [local, size] / seconds - 1).max()
    print(f"{name:8} fitted {local:.2f} s + {size / 1e6:.1f} MB / rate (differences at most {difference:.1f} %); a host sent {counted / 2e6:.1f} MB: "
          f"{size / (counted / 2):.2f} of that; without a limit {points[0][1]:.2f} s")


main(*sys.argv[1:])
