"""Reads what the stage `sample` drew with other programs: zipfile, PIL's or OpenCV's JPEG reader, OpenCV's own face detector, json.

usage: sample_judge.py SAMPLE_DIR PEOPLE PICTURES
"""
import io
import json
import re
import sys
import zipfile

import cv2
import numpy as np

# Boxes behind the 7 points, a camera: those of K-FACE's own table.
BOXES = {c: 7 if c in (7, 16) else 5 if c in (1, 2, 12, 13) else 6 for c in range(1, 21)}
FOUND_AT_LEAST = 0.75


def fail(text):
    print("sample: " + text)
    sys.exit(1)


def members(folder):
    with zipfile.ZipFile(folder + "/faces.zip") as outer:
        for name in outer.namelist():
            if not re.fullmatch(r"\d{8}\.zip", name):
                fail(f"faces.zip holds {name}")
            with zipfile.ZipFile(io.BytesIO(outer.read(name))) as inner:
                if inner.testzip():
                    fail(f"{name}: {inner.testzip()} is damaged")
                yield name, {n: inner.read(n) for n in inner.namelist()}


def check_text(where, text, camera, shape):
    rows = [[int(x) for x in line.split("\t")] for line in text.decode().splitlines()]
    if [len(r) for r in rows] != [2] * 7 + [4] * BOXES[camera]:
        fail(f"{where}: {[len(r) for r in rows]} numbers a line")
    x, y, w, h = rows[7]
    if w != h or x < 0 or y < 0 or x + w > shape[1] or y + h > shape[0]:
        fail(f"{where}: face {rows[7]} in a picture of {shape[1]} × {shape[0]}")
    return x, y, w, h


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    inter = max(w, 0) * max(h, 0)
    return inter / (a[2] * a[3] + b[2] * b[3] - inter)


def check_faces(folder, people, pictures):
    cascade = cv2.CascadeClassifier("/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml")
    seen, asked, found, expressions = 0, 0, 0, {}
    for name, files in members(folder):
        seen += 1
        jpegs = [n for n in files if n.endswith(".jpg")]
        if len(jpegs) != pictures:
            fail(f"{name}: {len(jpegs)} pictures")
        for path in jpegs:
            s, light, e, c = map(int, re.fullmatch(r"S(\d{3})/L(\d+)/E(\d{2})/C(\d+)\.jpg", path).groups())
            expressions[e] = expressions.get(e, 0) + 1
            grey = cv2.imdecode(np.frombuffer(files[path], np.uint8), cv2.IMREAD_GRAYSCALE)
            text = files.get(path[:-3] + "txt")
            if (text is not None) != (s == 1 and light in (1, 3, 6, 7)):
                fail(f"{name}: {path}: text file {'there' if text else 'missing'}")
            if text:
                box = check_text(f"{name}: {path}", text, c, grey.shape)
            if s == 1 and light == 1 and c == 7:
                asked += 1
                found += any(overlap(box, f) >= 0.4 for f in cascade.detectMultiScale(grey, 1.1, 3, minSize=(40, 40)))
    if seen != people:
        fail(f"faces.zip holds {seen} people")
    if len(set(expressions.values())) != 1 or sorted(expressions) != [1, 2, 3]:
        fail(f"expressions {expressions}")
    if found < FOUND_AT_LEAST * asked:
        fail(f"OpenCV's cascade, trained on photographs, finds {found} of {asked} drawn faces")
    return found, asked


def check_backgrounds(folder):
    cascade = cv2.CascadeClassifier("/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml")
    hits, detail = 0, []
    with zipfile.ZipFile(folder + "/backgrounds.zip") as z:
        for name in z.namelist():
            grey = cv2.imdecode(np.frombuffer(z.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
            detail.append(cv2.Laplacian(grey, cv2.CV_64F).std())
            hits += len(cascade.detectMultiScale(grey, 1.1, 3, minSize=(40, 40)))
        count = len(z.namelist())
    if hits > 0.2 * count:
        fail(f"{hits} faces found in {count} backgrounds")
    if np.median(detail) < 8:
        fail(f"the backgrounds are too plain (median Laplacian {np.median(detail):.1f})")


def check_playlists(folder):
    with open(folder + "/playlists.json", encoding="utf-8") as f:
        rows = json.load(f)
    with open(folder + "/song_meta.json", encoding="utf-8") as f:
        songs = {s["id"] for s in json.load(f)}
    fields = {"id", "plylst_title", "tags", "songs", "like_cnt", "updt_date"}
    for row in rows:
        if set(row) != fields or not set(row["songs"]) <= songs or len(set(row["tags"])) != len(row["tags"]):
            fail(f"playlists.json: playlist {row.get('id')}")
    likes = sorted(r["like_cnt"] for r in rows)
    if likes[len(likes) // 2] * 20 > likes[-1]:
        fail("like counts have no long tail")


folder, people, pictures = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
found, asked = check_faces(folder, people, pictures)
check_backgrounds(folder)
check_playlists(folder)
print(f"sample: OpenCV's own cascade finds {found} of {asked} drawn frontal faces")
