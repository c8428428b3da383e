"""keras_export.py emotion.h5 pictures.h5 predictions.tsv FOLDER: model_config as it stands, and the weights in Keras' order (layer_names,
then each group's weight_names) as one float32 file, for tf.js; the held-out pictures' tensors; what was predicted for them."""
import json, sys
import h5py, numpy as np

model, pictures, predictions, folder = sys.argv[1:5]
text = lambda v: v.decode() if isinstance(v, bytes) else str(v)
with h5py.File(model) as f:
    config, shapes, values = json.loads(text(f.attrs["model_config"])), [], []
    for layer in f["model_weights"].attrs["layer_names"]:
        group = f["model_weights"][text(layer)]
        for name in group.attrs["weight_names"]:
            array = group[text(name)][:]
            shapes.append({"name": text(name), "shape": list(array.shape)})
            values.append(array.astype("f4").ravel())
np.concatenate(values).tofile(folder + "/weights.bin")
with h5py.File(pictures) as f:
    tensors, split = f["features"][:], f["split"][:]
test = np.flatnonzero(split == 2)
tensors[test].astype("f4").tofile(folder + "/pictures.bin")
lines = [l.rstrip("\n").split("\t") for l in open(predictions)][1:]
assert [int(l[0]) for l in lines] == test.tolist()
classes = config["config"]["layers"][-1]["config"]["units"] if isinstance(config["config"], dict) else config["config"][-1]["config"]["units"]
want = [[float(v) for v in l[-classes:]] for l in lines]
json.dump({"config": config, "weights": shapes, "pictures": [len(test), *tensors.shape[1:]], "want": want}, open(folder + "/model.json", "w"))
