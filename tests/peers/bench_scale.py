"""Seconds of stages by size and ranks: bench_scale.py TRAIN MPIRUN MPI_TRAIN WORK ROUNDS STAGE…, a line a run appended to WORK/points.tsv.

The single rank is measured twice at once, a program on each of two processors: one whose neighbour is idle has the caches and the memory for itself,
and the loss of two beside each other would then be taken for work that ranks do not share."""
import os
import shutil
import sys

import scale_stages as scale


def prepare(train, work):
    for folder, stage, options, reads in scale.inputs(work):
        if not os.path.exists(f"{work}/{folder}/done"):
            scale.finish(scale.start(scale.command([train], (stage, options, reads), work, f"{work}/{folder}", threads=2)))


def measure(programs, run, work):
    """Seconds of several programs side by side, as their `done` has them."""
    outs = [f"{work}/out{i}" for i in range(len(programs))]
    for out in outs:
        shutil.rmtree(out, ignore_errors=True)
    running = [scale.start(scale.command(program, run, work, out)) for program, out in zip(programs, outs)]
    for process in running:
        scale.finish(process)
    return sum(scale.read(f"{out}/done")["seconds"] for out in outs) / len(outs)


def main(train, mpirun, many, work, rounds, *stages):
    prepare(train, work)
    for _ in range(int(rounds)):
        for name in stages:
            # The memory that a virtual machine has given back is slow to come: not in what is measured.
            measure([[train], [train]], scale.stage(name, 1, 32, work), work)
            for q, batch in scale.runs(name):
                for ranks, programs in ((1, [[train], [train]]), (2, [[*mpirun.split(), "-n", "2", many]])):
                    seconds = measure(programs, scale.stage(name, q, batch, work), work)
                    with open(f"{work}/points.tsv", "a", encoding="utf-8") as points:
                        print(name, ranks, *scale.done(name, q, batch, f"{work}/out0"), seconds, sep="\t", file=points)


if __name__ == "__main__":
    main(*sys.argv[1:])
