"""Renews the committed corpora from what fuzzing found: minimise.py FUZZERS.

For each target the fewest files (a greedy set cover, libFuzzer's -set_cover_merge) that reach every edge which the files of tests/fuzz/corpus and of
FUZZERS/corpus reach together. Files with names of their own stay: seeds that a hand wrote, and findings. The others, named by their SHA-1, are replaced.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from fuzzers import environment, targets, tests

root = os.path.abspath(sys.argv[1])
for target in targets:
    committed, found = f"{tests}/fuzz/corpus/{target}", f"{root}/corpus/{target}"
    drawn = [name for name in os.listdir(committed) if re.fullmatch("[0-9a-f]{40}", name)]
    with tempfile.TemporaryDirectory() as scratch:
        for name in set(os.listdir(committed)) - set(drawn):
            shutil.copy(f"{committed}/{name}", scratch)
        named = set(os.listdir(scratch))
        merge = subprocess.run([f"{root}/fuzz/{target}", "-set_cover_merge=1", "-use_counters=0", "-rss_limit_mb=2500", scratch, committed]
                               + [found] * os.path.isdir(found), env=environment, capture_output=True)
        if merge.returncode:
            sys.exit(f"error: {target}: {merge.stderr.decode(errors='replace')[-2000:]}")
        kept = set(os.listdir(scratch)) - named
        for name in drawn:
            os.remove(f"{committed}/{name}")
        for name in kept:
            shutil.copy(f"{scratch}/{name}", committed)
        size = sum(os.path.getsize(f"{committed}/{name}") for name in os.listdir(committed))
        print(f"{target}: {len(named)} files by name, {len(kept)} for the rest of the edges, {size:,} bytes", flush=True)
