"""The stages that bench_scale.py and bench_wire.py run, at a quarter, a half and the whole of a drawn input, and how much each of them had to do."""
import json
import subprocess

SIZES = (1, 2, 4)  # quarters of the input
PICTURES = 12      # of a person
EPOCHS, TUNE_EPOCHS, COPIES = 30, 2, 8
FRAME = "faces.frame_width=346 faces.frame_height=230"
CROP = "preprocess.crop=box,centre"
HEAD = f"{CROP} preprocess.size=32 network.cut=block2_pool"  # 8 × 8 × 128, as many features as block5_pool of 150 × 150
LAYERS = f"{CROP} emotion.trainable=block5"


def inputs(work):
    """(folder, stage, options, stages that it reads) of all that is read below."""
    few = "sample.playlists=50 sample.songs=100"
    for q in SIZES:
        yield f"sample{q}", "sample", f"sample.people={80 * q} sample.pictures={PICTURES} sample.backgrounds={200 if q == 4 else 4} {few}", {}
    for q in SIZES:
        yield f"faces{q}", "faces", f"faces.input={work}/sample{q}/faces.zip {FRAME}", {}
        yield f"some{q}", "faces", f"faces.input={work}/sample4/faces.zip {FRAME} faces.people={20 * q}", {}
        yield f"head{q}", "features", f"{HEAD} augment.copies={COPIES}", {"faces": f"faces{q}"}
        yield f"layers{q}", "features", LAYERS, {"faces": f"some{q}"}
    yield "music", "sample", "sample.people=6 sample.pictures=3 sample.backgrounds=4 sample.playlists=60000 sample.songs=30000", {}
    yield "playlists", "playlists", f"playlists.input={work}/music/playlists.json", {}


def runs(name):
    """(quarters of the input, pictures a step) of the measured runs; steps of another size tell what a step costs from what a picture does."""
    return [(q, 32) for q in SIZES] + ([(2, 16)] if name == "layers" else [])


def stage(name, q, batch, work):
    """(stage, options, what it reads) of a measured run."""
    return {
        "faces": ("faces", f"faces.input={work}/sample{q}/faces.zip {FRAME}", {}),
        "features": ("features", CROP, {"faces": f"some{q}"}),
        "head": ("emotion", f"{HEAD} emotion.epochs={EPOCHS} emotion.patience=999", {"features": f"head{q}"}),
        "layers": ("emotion", f"{LAYERS} emotion.epochs=3 emotion.tune_epochs={TUNE_EPOCHS} emotion.tune_batch={batch}", {"features": f"layers{q}"}),
        "cascade": ("cascade", f"cascade.backgrounds={work}/sample4/backgrounds.zip cascade.num_pos={300 * q} cascade.num_neg={300 * q} cascade.stages=6",
                    {"faces": "faces4"}),
        "als": ("als", "als.iterations=4", {"playlists": "playlists"}),
    }[name]


def command(program, run, work, out, threads=1):
    name, options, reads = run
    words = [*program, name, "--out", out, "--set", f"run.threads={threads}"]
    for option in options.split():
        words += ["--set", option]
    for upstream, folder in reads.items():
        words += ["--in", f"{upstream}={work}/{folder}"]
    return words


def finish(process):
    text = process.communicate()[0]
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(process.args)}\n{text}")


def start(words):
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def done(name, q, batch, out):
    """What the run had to do, and its exchanges: pictures; pictures times epochs, and steps; samples times weak classifiers."""
    if name == "faces":
        return 80 * q * PICTURES, 0
    if name == "features":
        return 20 * q * PICTURES, 0
    if name == "cascade":
        return sum((s["positives"] + s["negatives"]) * s["weak_classifiers"] for s in lines(f"{out}/stages.jsonl")
                   if "weak_classifiers" in s), 0
    train = sum(e["train"] for e in read(f"{out}/metrics.json")["examples"].values())
    if name == "head":
        return train * (1 + COPIES) * EPOCHS, 0
    return train * TUNE_EPOCHS, -(-train // batch) * TUNE_EPOCHS
