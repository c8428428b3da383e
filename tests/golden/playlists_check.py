"""playlists.h5 and likes.npz of the inputs in tests/cli/playlists.sh, judged by h5py and scipy. playlists_check.py FOLDER"""
import sys

import h5py
import numpy as np
import scipy.io
import scipy.sparse

folder = sys.argv[1]


def table(group):
    data, offsets = group["bytes"][:].tobytes(), group["offsets"][:]
    return [data[a:b].decode() for a, b in zip(offsets, offsets[1:])]


with h5py.File(f"{folder}/playlists.h5", "r") as f:
    ids, likes, split, mask = (f[f"playlist/{n}"][:] for n in ("id", "likes", "split", "mask"))
    start, index, held = (f[f"playlist_songs/{n}"][:] for n in ("start", "index", "held"))
    tag_start, tag_index, tag_held = (f[f"playlist_tags/{n}"][:] for n in ("start", "index", "held"))
    names, shown, count = table(f["tag/name"]), table(f["tag/display"]), f["tag/count"][:]
    songs, song_names, artists = f["song/id"][:], table(f["song/name"]), table(f["song/artist"])
    titles, albums = table(f["playlist/title"]), f["song/album"][:]
    assert f.attrs["synthetic"] == 0

assert ids.tolist() == list(range(1, 401)) and np.array_equal(likes, ids * 3 % 100)
assert titles[6] == "제목 7" and titles[300] == '제목 301, "큰"' and sorted(set(songs)) == songs.tolist()
assert set(split) <= {0, 2} and np.array_equal(split == 2, mask > 0) and 100 < (split == 2).sum() < 300
assert song_names[songs.tolist().index(42)] == "마흔둘" and artists[songs.tolist().index(42)] == "가, 나"
assert albums[songs.tolist().index(42)] == 2**40 and sorted(set(albums)) == [-1, 2**40]

# Every playlist has the songs of the inputs, hidden or not; hidden ones only where the playlist is held out.
for r, playlist in enumerate(ids):
    expected = sorted({(playlist * 7 + j * 13) % 90 for j in range(playlist % 9)} | ({1000 + playlist} if playlist % 2 else set()))
    assert songs[index[start[r]:start[r + 1]]].tolist() == expected
    assert split[r] == 2 or not held[start[r]:start[r + 1]].any()
    shown_tags = [names[t] for t in tag_index[tag_start[r]:tag_start[r + 1]]]
    assert shown_tags == ([f"tag{playlist % 5}", "신나는"] if playlist % 3 else ["신나는"])

training = np.bincount(tag_index[tag_held == 0], minlength=len(names))
assert np.array_equal(training, count)
assert [(-c, n.encode()) for c, n in zip(count, names)] == sorted((-c, n.encode()) for c, n in zip(count, names))
assert shown[names.index("tag1")] == "Tag1"

matrix = scipy.sparse.load_npz(f"{folder}/likes.npz")
assert matrix.shape == (len(ids), len(songs)) and matrix.dtype == np.float32 and matrix.has_sorted_indices
rows = np.repeat(np.arange(len(ids)), np.diff(start))[held == 0]
assert matrix.nnz == len(rows) and np.array_equal(matrix.indices, index[held == 0]) and np.array_equal(matrix.data, likes[rows].astype(np.float32))
market = scipy.io.mmread(f"{folder}/likes.mtx").tocsr()
assert market.shape == matrix.shape and (market != matrix).nnz == 0
