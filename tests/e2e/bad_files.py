"""Writes the malformed inputs of bad_input.sh into a folder; plain Python without any package. The pictures are a 1×1 PNG."""
import binascii
import io
import json
import struct
import sys
import zipfile
import zlib

folder = sys.argv[1] + "/"


def png(size=40, grey=128):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data))
    rows = b"".join(b"\0" + bytes([grey] * size) for _ in range(size))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def kface(path, people, expressions, content=None):
    with zipfile.ZipFile(path, "w") as outer:
        for person in people:
            inner_bytes = io.BytesIO()
            with zipfile.ZipFile(inner_bytes, "w") as inner:
                for light in range(1, 4):
                    for expression in expressions:
                        inner.writestr(f"S001/L{light}/{expression}/C7.jpg", content or png())
            outer.writestr(f"{person}.zip", inner_bytes.getvalue())


people = [f"190716{i}1" for i in range(10, 22)]
kface(folder + "good.zip", people, ["E01", "E02", "E03"])
whole = open(folder + "good.zip", "rb").read()
open(folder + "cut.zip", "wb").write(whole[:len(whole) * 2 // 3])
kface(folder + "text.zip", people, ["E01", "E02", "E03"], b"this is no picture\n")
kface(folder + "one_person.zip", people[:1], ["E01", "E02", "E03"])
kface(folder + "no_negative.zip", people, ["E01", "E02"])
open(folder + "a.png", "wb").write(png())
open(folder + "fields.csv", "w").write("path,label,subject\na.png,happy,p1\na.png\n")
lists = [{"id": i, "plylst_title": "t", "tags": ["a", "b"], "songs": [1, 2, 3], "like_cnt": 1,
          "updt_date": "2020-01-01 00:00:00.000"} for i in range(50)]
text = json.dumps(lists)
open(folder + "cut.json", "w").write(text[:len(text) // 2])
open(folder + "empty.json", "w").write("[]")
open(folder + "playlists.csv", "w").write("playlist_id,title,tags,songs,like_cnt\n1,t,a|b,1|2,3\n2,t\n")
