#!/usr/bin/python3
"""Times `time_detector` beside cv2.CascadeClassifier on photographs scaled to 640x480 and 1920x1080.

usage: bench_cascade.py TIME_DETECTOR SCRATCH [ROUNDS]    photographs: $MOODCAST_DATA/cascade/backgrounds.zip
Rounds of the programs alternate; a round's figure is the sum of the pictures' median times. Printed: medians over rounds, their ratio and
the smallest and largest ratio of a round. One thread is processor time of the calling process, two threads wall time.
"""
import os
import random
import statistics
import subprocess
import sys
import time
import zipfile

import cv2
import numpy as np

CASCADES = "/usr/share/opencv4/haarcascades/"
NAMES = ["haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml", "haarcascade_smile.xml"]
PHOTOGRAPHS = 4


def photographs(scratch, size):
    archive = zipfile.ZipFile(os.path.join(os.environ["MOODCAST_DATA"], "cascade", "backgrounds.zip"))
    names = sorted(name for name in archive.namelist() if name.lower().endswith((".jpg", ".png")))
    pictures, paths = [], []
    for i, name in enumerate(random.Random(size[0]).sample(names, PHOTOGRAPHS)):
        grey = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
        pictures.append(cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC))
        paths.append(os.path.join(scratch, f"{size[0]}_{i}.png"))
        cv2.imwrite(paths[-1], pictures[-1])
    return pictures, paths


def opencv_round(classifier, pictures, threads):
    cv2.setNumThreads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    total, boxes = 0.0, []
    for picture in pictures:
        start = clock()
        found = classifier.detectMultiScale(picture, 1.1, 3, 0, (30, 30))
        total += clock() - start
        boxes.append(sorted(tuple(map(int, box)) for box in found))
    return total * 1e3, boxes


def product_round(program, cascade, paths, threads):
    lines = subprocess.run([program, cascade, str(threads), "5"] + paths, stdout=subprocess.PIPE, check=True,
                           text=True).stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    total = sum(float(row[0 if threads == 1 else 1]) for row in rows)
    return total, sum(float(row[1]) for row in rows), [sorted(tuple(map(int, box.split(","))) for box in row[2:]) for row in rows]


def measure(program, cascade, pictures, paths, threads, rounds):
    classifier = cv2.CascadeClassifier(cascade)
    peer, product, walls, same = [], [], [], True
    for _ in range(rounds):
        a, wanted = opencv_round(classifier, pictures, threads)
        b, wall, found = product_round(program, cascade, paths, threads)
        peer.append(a / len(pictures))
        product.append(b / len(pictures))
        walls.append(wall / len(pictures))
        same = same and wanted == found
    return peer, product, statistics.median(walls), same


def main(program, scratch, rounds=5):
    for name in os.environ.get("BENCH_CASCADES", " ".join(NAMES)).split():
        for size in ((640, 480), (1920, 1080)):
            pictures, paths = photographs(scratch, size)
            single = None
            for threads in (1, 2):
                peer, product, wall, same = measure(program, CASCADES + name, pictures, paths, threads, rounds)
                ratios = [a / b for a, b in zip(peer, product)]
                middle = statistics.median(product)
                line = (f"{name[12:-4]} {size[0]}x{size[1]} {threads} thread(s): OpenCV {statistics.median(peer):.1f} ms, "
                        f"moodcast {middle:.2f} ms, ratio {statistics.median(ratios):.2f} "
                        f"({min(ratios):.2f}-{max(ratios):.2f}), rectangles {'the same' if same else 'DIFFER'}")
                if threads == 2:
                    line += f", {single / wall:.2f} x one thread (wall time)"
                single = wall
                print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 5)
