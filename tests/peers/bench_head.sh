#!/usr/bin/env bash
# bench_head.sh BINDIR: an epoch of the head on 5,000 cached features of 8,192 numbers, batch 50, Adam, by moodcast and by PyTorch, in
# turns, on the same bytes. Peer: python3-torch. THREADS (1 2), CLASSES (3 7), ROUNDS (5) in the environment choose others.
set -eu
cd "$(dirname "$0")/../.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
/usr/bin/python3 -c 'import torch' 2>/dev/null || { echo "SKIP bench_head: python3-torch is not installed"; exit 77; }
make --no-print-directory -s build/release/peers/bench_head
own=build/release/peers/bench_head
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
rows=5000 width=8192 epochs=3
middle() { sort -n | sed -n "$(((epochs + 1) / 2))p"; }
for classes in ${CLASSES:-3 7}; do
  /usr/bin/python3 tests/peers/bench_head.py make "$scratch/data" $rows $width "$classes"
  for threads in ${THREADS:-1 2}; do
    rm -f "$scratch"/*.txt
    for _ in $(seq "${ROUNDS:-5}"); do
      "$own" "$scratch/data" $rows $width "$classes" "$threads" $epochs | middle >>"$scratch/own.txt"
      /usr/bin/python3 tests/peers/bench_head.py "$scratch/data" $rows $width "$classes" "$threads" $epochs | middle >>"$scratch/torch.txt"
    done
    /usr/bin/python3 - "$scratch" "$classes" "$threads" <<'END'
import statistics as s, sys
own, torch = ([float(l) for l in open(f"{sys.argv[1]}/{n}.txt")] for n in ("own", "torch"))
ratio = sorted(t / o for o, t in zip(own, torch))
print(f"head, 5,000 x 8,192, {sys.argv[2]} classes, {sys.argv[3]} threads: moodcast {s.median(own) * 1e3:.0f} ms an epoch, PyTorch "
      f"{s.median(torch) * 1e3:.0f} ms: {s.median(ratio):.2f} × ({ratio[0]:.2f}–{ratio[-1]:.2f}), {len(own)} rounds")
END
  done
done
