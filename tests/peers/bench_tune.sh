#!/usr/bin/env bash
# bench_tune.sh BINDIR: a training step of block5 + head, and of everything, by moodcast and by PyTorch, in turns. Peer: python3-torch.
# WHAT (block5 all), THREADS (1 2), BATCH (32), ROUNDS (5) in the environment choose others.
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
/usr/bin/python3 -c 'import torch' 2>/dev/null || { echo "SKIP bench_tune: python3-torch is not installed"; exit 77; }
make --no-print-directory -s build/release/peers/bench_tune
own=build/release/peers/bench_tune
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
for what in ${WHAT:-block5 all}; do
  for threads in ${THREADS:-1 2}; do
    steps=5; [ "$what" = all ] && steps=2
    rm -f "$scratch"/*.txt
    for round in $(seq "${ROUNDS:-5}"); do
      "$own" "$what" "${BATCH:-32}" "$threads" $steps | sort -n | sed -n "$(((steps + 1) / 2))p" >>"$scratch/own.txt"
      /usr/bin/python3 tests/peers/bench_tune.py "$what" "${BATCH:-32}" "$threads" $steps | sort -n | sed -n "$(((steps + 1) / 2))p" >>"$scratch/torch.txt"
    done
    /usr/bin/python3 - "$scratch" "$what" "$threads" "${BATCH:-32}" <<'END'
import statistics as s, sys
own, torch = ([float(l) for l in open(f"{sys.argv[1]}/{n}.txt")] for n in ("own", "torch"))
ratio = sorted(t / o for o, t in zip(own, torch))
print(f"{sys.argv[2]}, batch {sys.argv[4]}, {sys.argv[3]} threads: moodcast {s.median(own) * 1e3:.0f} ms a step, PyTorch {s.median(torch) * 1e3:.0f} ms: "
      f"{s.median(ratio):.2f} × ({ratio[0]:.2f}–{ratio[-1]:.2f}), {len(own)} rounds")
END
  done
done
