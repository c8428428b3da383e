"""vgg16_bundle.py FOLDER: a bundle with a whole VGG16 (random weights) and OpenCV's cascade, made of the unit tests' bundle that lies in FOLDER, and
beside it face.jpg, 640x480."""
import hashlib, json, sys
import cv2, numpy as np

SIZE, BLOCKS = 150, (2, 2, 3, 3, 3)
XML = "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml"


def save_tensors(path, tensors):
    head, at = {}, 0
    for name, array in tensors.items():
        head[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 64 + 56)
    with open(path, "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            out.write(array.tobytes())


def make_bundle(folder):
    """The unit tests' songs, OpenCV's own cascade and a whole VGG16 with random weights (He et al. 2015)."""
    random, tensors, channels = np.random.default_rng(1), {}, 3
    for block, layers in enumerate(BLOCKS, 1):
        for layer in range(1, layers + 1):
            width = min(64 << (block - 1), 512)
            tensors[f"block{block}_conv{layer}/kernel"] = (random.standard_normal((3, 3, channels, width)) * np.sqrt(2 / (9 * channels))).astype("f4")
            tensors[f"block{block}_conv{layer}/bias"] = np.zeros(width, "f4")
            channels = width
    tensors["dense/kernel"] = (random.standard_normal((8192, 3)) * 0.001).astype("f4")
    tensors["dense/bias"] = np.zeros(3, "f4")
    save_tensors(f"{folder}/emotion.safetensors", tensors)
    open(f"{folder}/cascade.xml", "wb").write(open(XML, "rb").read())
    card = json.load(open(f"{folder}/bundle.json"))
    card.update(cut="block5_pool", average_pool=0)
    card["preprocess"].update(size=SIZE, margin=0, detect_scale=1.1, detect_neighbors=3, detect_min_size=60)
    for name in card["files"]:
        data = open(f"{folder}/{name}", "rb").read()
        card["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    json.dump(card, open(f"{folder}/bundle.json", "w"))
    return tensors


def picture():
    """A face drawn by hand on a noisy wall: found by the cascade, and detailed enough that the detector works."""
    random = np.random.default_rng(2)
    image = cv2.GaussianBlur(random.integers(60, 200, (480, 640, 3), np.uint8), (9, 9), 0)
    cv2.ellipse(image, (320, 240), (95, 125), 0, 0, 360, (150, 180, 215), -1)
    for x in (283, 357):
        cv2.ellipse(image, (x, 210), (22, 11), 0, 0, 360, (60, 70, 90), -1)
        cv2.ellipse(image, (x, 187), (27, 6), 0, 0, 360, (50, 60, 80), -1)
    cv2.ellipse(image, (320, 255), (13, 30), 0, 0, 360, (170, 200, 235), -1)
    cv2.ellipse(image, (320, 308), (40, 11), 0, 0, 360, (70, 70, 140), -1)
    return cv2.imencode(".jpg", cv2.GaussianBlur(image, (7, 7), 0), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


if __name__ == "__main__":
    make_bundle(sys.argv[1])
    open(f"{sys.argv[1]}/face.jpg", "wb").write(picture())
