"""Archives as nobody should send them: faces_bad.py FOLDER. Prints nothing."""
import io
import struct
import sys
import tarfile
import zipfile

import cv2
import numpy as np

folder = sys.argv[1]
rng = np.random.default_rng(5)


def picture(kind=".jpg", width=60, height=40, deep=False, grey=False):
    image = cv2.GaussianBlur(rng.integers(0, 255, (height, width, 3), dtype=np.uint8), (0, 0), 3)
    if grey:
        image = image[..., 0]
    if deep:
        image = image.astype(np.uint16) * 257
    return cv2.imencode(kind, image)[1].tobytes()


def zipped(entries, method=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as out:
        for name, data in entries:
            out.writestr(name, data)
    return stream.getvalue()


def good(person, shots=(1, 2, 3)):
    return f"{person}.zip", zipped([(f"S001/L1/E0{e}/C7.jpg", picture()) for e in shots])


people = [good(19000001 + p) for p in range(6)]
jpeg = picture()
frame = jpeg.find(b"\xff\xc0")
huge = bytearray(jpeg)
huge[frame + 5:frame + 9] = struct.pack(">HH", 60000, 60000)
turned = jpeg[:2] + b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0" + jpeg[2:]
points, boxes = "9 9\n" * 7, "10 5 20 20\n" + "1 1 4 4\n" * 6


def cmyk():
    from PIL import Image
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).convert("CMYK").save(stream, "JPEG")
    return stream.getvalue()


odd = [("S001/L1/E01/C1.jpg", bytes(huge)), ("S001/L1/E01/C2.png", picture(".png", deep=True)),
       ("S001/L1/E01/C3.jpg", picture(grey=True)), ("S001/L1/E01/C4.jpg", turned), ("S001/L1/E01/C5.jpg", b"GIF89a\1\0\1\0"),
       ("S001/L1/E01/C6.jpg", picture(".png")), ("S001/L1/E01/C7.jpg", jpeg), ("S001/L1/E01/C7.jpg", jpeg),
       ("S001/L1/E02/C1.jpg", jpeg[:len(jpeg) // 2]), ("S001/L1/E02/C7.jpg", jpeg), ("S001/L1/E03/C7.jpg", jpeg),
       ("S001/L1/E01/C7.txt", "9 9\n" * 6), ("S001/L1/E02/C7.txt", points + boxes + "1 1 4 4\n" * 6),
       ("S001/L1/E03/C7.txt", points + boxes.replace("10 5", "500 5"))]
try:
    odd.append(("S001/L1/E01/C8.jpg", cmyk()))
except ImportError:
    pass
link = zipfile.ZipInfo("S001/L1/E01/C9.jpg")
link.create_system, link.external_attr = 3, 0o120777 << 16
stream = io.BytesIO()
with zipfile.ZipFile(stream, "w") as out:
    for name, data in odd:
        out.writestr(name, data)
    out.writestr(link, "/etc/passwd")
    out.writestr("../../S001/L1/E01/C7.jpg", jpeg)
    out.writestr("/S001/L1/E01/C7.jpg", jpeg)
whole = [("19000077.zip", stream.getvalue()), ("19000078.zip", b"this is no zip"), ("19000079.zip", good(1)[1][:300])]
open(folder + "/odd.zip", "wb").write(zipped(people + whole))
open(folder + "/ratio.zip", "wb").write(zipped(
    people + [("19000080.zip", zipped([("S001/L1/E01/C7.jpg", b"\0" * (8 << 20))], zipfile.ZIP_DEFLATED))]))
bombs = zipped([(f"S001/L1/E01/C{1 + i % 20}.txt", b"\0" * 900000) for i in range(90)], zipfile.ZIP_DEFLATED)
open(folder + "/total.zip", "wb").write(zipped([("19000081.zip", bombs)] + people))
inflated = zipped([("19000082.zip", zipped([("x.bin", b"\0" * (90 << 20))]))], zipfile.ZIP_DEFLATED)
open(folder + "/inner.zip", "wb").write(inflated)
name = "행복".encode("cp949")
plain = zipped([(f"ABCD/{i}.jpg", picture()) for i in range(8)] + [(f"sad/{i}.jpg", picture()) for i in range(8)])
assert len(name) == 4
open(folder + "/cp949.zip", "wb").write(plain.replace(b"ABCD", name))
with tarfile.open(folder + "/links.tar.gz", "w:gz") as out:
    for p, (member, data) in enumerate(people):
        info = tarfile.TarInfo(member)
        info.size = len(data)
        out.addfile(info, io.BytesIO(data))
    link = tarfile.TarInfo("19000090/S001/L1/E01/C7.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    out.addfile(link)
