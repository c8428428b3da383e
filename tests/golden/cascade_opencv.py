#!/usr/bin/python3
"""Holds `moodcast detect` to cv2.CascadeClassifier (OpenCV 4.6): the same rectangles and counts, in the same order.

usage: cascade_opencv.py BIN SCRATCH [CASCADE.xml ...]    pictures: drawn ones, and real photographs below $MOODCAST_DATA
       cascade_opencv.py --world FOLDER                   draws crops/ and backgrounds/ for a small training
"""
import io
import json
import os
import random
import subprocess
import sys
import zipfile

import cv2
import numpy as np

SETTINGS = [(1.1, 0, 0), (1.1, 3, 30), (1.3, 0, 40), (1.05, 2, 0), (1.2, 4, 0), (2.0, 1, 64)]


def smooth_noise(rng, height, width, sigma, channels=1):
    shape = (height, width) if channels == 1 else (height, width, channels)
    picture = cv2.GaussianBlur(rng.uniform(0, 1, shape), (0, 0), sigma)
    low, high = picture.min(), picture.max()
    return ((picture - low) / (high - low) * 255).astype(np.uint8)


def drawn_pictures():
    rng = np.random.RandomState(1)
    sizes = [(97, 61), (24, 24), (33, 301), (200, 23), (1, 50), (64, 64)]
    pictures = [rng.randint(0, 256, size).astype(np.uint8) for size in sizes]
    pictures += [smooth_noise(rng, 231, 347, 4), smooth_noise(rng, 180, 260, 7, 3), smooth_noise(rng, 480, 640, 10)]
    pictures.append(np.full((120, 160), 130, np.uint8))
    return pictures


def real_pictures(root):
    choose = random.Random(3)
    pictures = []
    with zipfile.ZipFile(os.path.join(root, "cascade", "backgrounds.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith((".jpg", ".png")))
        for name in choose.sample(names, 5):
            pictures.append(cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_GRAYSCALE))
    with zipfile.ZipFile(os.path.join(root, "faces", "kface_layout_real.zip")) as archive:
        people = sorted(name for name in archive.namelist() if name.endswith(".zip"))
        for name in choose.sample(people, 8):
            with zipfile.ZipFile(io.BytesIO(archive.read(name))) as person:
                member = sorted(n for n in person.namelist() if n.endswith(".jpg"))[0]
                pictures.append(cv2.imdecode(np.frombuffer(person.read(member), np.uint8), cv2.IMREAD_COLOR))
    pictures.append(np.vstack([np.hstack(pictures[5:8]), np.hstack(pictures[8:11])]))
    return pictures


def expected(classifier, picture, scale, neighbors, least):
    boxes, counts = classifier.detectMultiScale2(picture, scale, neighbors, 0, (least, least))
    if len(boxes) == 0:
        return []
    return [tuple(map(int, box)) + (int(count),) for box, count in zip(boxes, np.array(counts).ravel())]


def detected(program, cascade, paths, scale, neighbors, least):
    command = [program, "detect", "--cascade", cascade, "--scale", str(scale), "--neighbors", str(neighbors),
               "--min-size", str(least)] + paths
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    if len(lines) != len(paths):
        sys.exit(f"{len(lines)} lines for {len(paths)} pictures")
    return [[(f["x"], f["y"], f["w"], f["h"], f["neighbors"]) for f in json.loads(line)["faces"]] for line in lines]


def compare(program, scratch, cascades):
    cv2.setNumThreads(1)
    pictures = drawn_pictures()
    root = os.environ.get("MOODCAST_DATA", "")
    if os.path.isdir(os.path.join(root, "cascade")):
        pictures += real_pictures(root)
    paths = []
    for i, picture in enumerate(pictures):
        paths.append(os.path.join(scratch, f"picture{i}.png"))
        cv2.imwrite(paths[-1], picture)
    total = different = lists = 0
    for c, cascade in enumerate(cascades):
        classifier = cv2.CascadeClassifier(cascade)
        if classifier.empty():
            sys.exit(f"OpenCV does not load {cascade}")
        for s, (scale, neighbors, least) in enumerate(SETTINGS):
            chosen = [i for i in range(len(pictures)) if len(cascades) < 4 or (i + s + c) % 7 == 0]
            ours = detected(program, cascade, [paths[i] for i in chosen], scale, neighbors, least)
            for i, found in zip(chosen, ours):
                wanted = expected(classifier, pictures[i], scale, neighbors, least)
                total += len(wanted)
                lists += 1
                if found != wanted:
                    different += 1
                    print(f"{cascade} scale {scale} neighbors {neighbors} least {least} picture {i}: "
                          f"{len(found)} against {len(wanted)}: {found[:3]} {wanted[:3]}")
    print(f"{len(cascades)} cascades, {lists} lists, {total} rectangles, {different} lists differ")
    if different or total == 0:
        sys.exit(1)


def draw_world(folder):
    """Crops of a planted pattern (a dark bar between bright ones) and backgrounds without it."""
    rng = np.random.RandomState(7)
    for name in ("crops", "backgrounds"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for i in range(260):
        crop = smooth_noise(rng, 24, 24, 2).astype(float) * 0.5
        crop[8:13, 3:21] -= rng.uniform(30, 70)
        crop[15:20, 6:18] += rng.uniform(30, 70)
        cv2.imwrite(os.path.join(folder, "crops", f"{i:03d}.png"), np.clip(crop + 60, 0, 255).astype(np.uint8))
    for i in range(20):
        picture = smooth_noise(rng, 150, 200, rng.uniform(1, 6))
        cv2.imwrite(os.path.join(folder, "backgrounds", f"{i:02d}.png"), picture)


if __name__ == "__main__":
    if sys.argv[1] == "--world":
        draw_world(sys.argv[2])
    else:
        compare(sys.argv[1], sys.argv[2], sys.argv[3:])
