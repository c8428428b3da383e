"""Makes what the stage `report` reads: metrics.json of `evaluate` and a picture of the stage `cascade`, with awkward names and numbers."""
import json
import os
import struct
import sys
import zlib

folder = sys.argv[1]


def write(name, value):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(value if isinstance(value, bytes) else value.encode())


def png(width, height):
    """A grey ramp, without any library."""
    rows = b"".join(b"\0" + bytes((x * 255 // width) for x in range(width)) for _ in range(height))
    parts = [(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts)


classes = ["neutral", "positive", "부정 <b>"]
by_class = {c: {"support": 100 - 30 * i, "predicted": 90, "precision": 0.7, "recall": 0.8 - 0.2 * i, "f1": 0.7, "true_share": 0.3,
                "predicted_share": 0.33} for i, c in enumerate(classes)}
limits = [0.69, 0.78]
rank = {n: {"playlists": 1300, "ndcg100": v, "ndcg100_95": limits, "recall100": v, "map10": v, "coverage": 0.3}
        for n, v in (("als", 0.18), ("popularity", 0.12), ("item_knn", 0.27), ("item_knn_bm25", 0.28))}
metrics = {
    "faces": {"faces": 2231, "people": 1112, "layout": "kface", "synthetic": False, "classes": classes,
              "split": {s: {"faces": 700, "people": 300, "classes": {c: 230 for c in classes}} for s in ("train", "validation", "test")},
              "skipped": {"pictures": 7, "share": 0.003, "reasons": {"truncated JPEG": 7}}},
    "features": {"pictures": 2231, "cut": "block3_pool", "pretrained": "partial", "crop": {"cascade": 2000, "box": 0, "centre": 231}},
    "cascade": {"test": {"neighbors": 3, "crops": 480, "crops_passed": 0.98, "faces": 450, "found": 0.97, "backgrounds": 180,
                         "false_a_picture": 0.31,
                         "curve": [{"neighbors": k, "found": 1 - k / 100, "false_a_picture": 3 / k} for k in (1, 2, 3, 4, 6, 8, 12, 16)]}},
    "emotion": {"inputs": 2304, "parameters": 6915, "cut": "block3_pool", "epochs": 30, "best_epoch": 12,
                "test": {"pictures": 450, "persons": 222, "balanced_accuracy": 0.74, "balanced_accuracy_95": limits, "accuracy": 0.76,
                         "accuracy_95": limits, "macro_f1": 0.72, "log_loss": 0.61, "brier": 0.3, "calibration_error": 0.04,
                         "majority_accuracy": 0.46, "chance_balanced_accuracy": 1 / 3, "classes": by_class,
                         "confusion": [[180, 20, 10], [22, 140, 8], [20, 5, 45]]}},
    "playlists": {"playlists": 115071, "songs": 254456, "tags": 29160, "synthetic": False, "held_out": 11507, "playlist_songs": 811338,
                  "skipped_by_reason": {"playlist listed twice in one input": 3}},
    "tags": {"tags": 29160, "dimensions": 100,
             "test": {"playlists": 5000, "hidden_tags": 9000, "mrr": 0.21, "mrr_95": limits, "hit10": 0.4, "popularity_mrr": 0.1,
                      "popularity_mrr_95": limits, "popularity_hit10": 0.2},
             "nearest": [{"tag": t, "playlists": 900, "nearest": [{"tag": "바다", "cosine": 0.8}] * 10} for t in ("여름", "신나는", "ㅠㅠ")]},
    "als": {"test": {"best": "item_knn_bm25", "shipped": "item_knn_bm25", "playlists": 1300, "ndcg100": 0.18, "popularity_ndcg100": 0.12, "best_ndcg100": 0.28,
                     "rankers": rank}},
    "chain": {"faces": 300, "songs_a_face": 10, "without_songs": 0, "fit": 0.31, "fit_perfect_label": 0.35, "fit_no_face": 0.25,
              "fit_random_songs": 0.08,
              "examples": [{"truth": c, "probabilities": {k: 0.33 for k in classes},
                            "songs": [{"id": 123, "name": "A very long song name without an end " * 3, "artist": "가수", "label": c,
                                       "seed": "신나는", "similar": "여름", "cosine": 0.91, "playlist": 77, "title": "<script>alert(1)</script>"},
                                      {"id": 124, "name": "", "artist": "", "seed": "", "similar": "", "cosine": 1, "playlist": 3, "title": ""}]}
                           for c in classes]},
    "honesty": ["The network below the head is pretrained only in part: the other layers hold random numbers.", "5 < 6 & 7"],
}
metrics["emotion"]["history"] = [{"epoch": e, "train_loss": 1 / e, "train_accuracy": 1 - 0.5 / e, "validation_loss": None if e == 3 else 0.5 + 1 / e,
                                  "validation_calibrated_loss": 0.5 + 0.9 / e, "validation_accuracy": 0.7, "validation_balanced_accuracy": 0.68}
                                 for e in range(1, 21)]
metrics["als"]["loss_by_iteration"] = [{"iteration": i, "loss": 1e6 / i} for i in range(1, 16)]
metrics["cascade"]["by_stage"] = [{"stage": 0, "weak_classifiers": 3, "threshold": 0.1, "hit": 0.996, "false_alarm": 0.43, "windows": 120000,
                                   "acceptance": 1.0}]
write("evaluate/metrics.json", json.dumps(metrics, ensure_ascii=False))
write("cascade/features.png", png(120, 24))
