"""Data sets in the layouts of configs/, drawn here: faces_layouts.py FOLDER."""
import csv
import os
import sys

import cv2
import numpy as np

root = sys.argv[1]
rng = np.random.default_rng(3)


def picture(side, grey=False):
    image = np.full((side, side, 3), rng.integers(0, 255, 3), np.uint8)
    cv2.circle(image, (side // 2, side // 2), side // 3, [int(c) for c in rng.integers(0, 255, 3)], -1)
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if grey else image


os.makedirs(root + "/data/fer2013")
with open(root + "/data/fer2013/fer2013.csv", "w", newline="") as file:
    out = csv.writer(file)
    out.writerow(["emotion", "pixels", "Usage"])
    rows = []
    for i in range(140):
        rows.append(picture(48, True))
        usage = "PrivateTest" if i % 10 == 8 else "PublicTest" if i % 10 == 9 else "Training"
        out.writerow([i // 2 % 7, " ".join(str(v) for v in rows[-1].ravel()), usage])
    out.writerow([3, "1 2 3", "Training"])
    out.writerow([3, "1 2 3 256", "Training"])
np.save(root + "/fer2013.npy", np.stack(rows))
for emotion in ["happy", "surprise", "anger", "sadness"]:
    folder = f"{root}/data/ckplus/CK+48/{emotion}"
    os.makedirs(folder)
    for person in range(8):
        for shot in range(2):
            cv2.imwrite(f"{folder}/S{10 + person:03d}_004_{shot + 16:08d}.png", picture(48, True))
os.makedirs(root + "/data/faces/pictures")
with open(root + "/data/faces/index.csv", "w", newline="") as file:
    out = csv.writer(file)
    out.writerow("path,label,subject,split,x,y,w,h".split(","))
    for i in range(24):
        cv2.imwrite(f"{root}/data/faces/pictures/{i}.jpg", picture(120))
        out.writerow([f"pictures/{i}.jpg", ["glad", "grim"][i % 2], f"p{i // 4}", "", 20, 20, 80, 80])
os.makedirs(root + "/data/backgrounds")
