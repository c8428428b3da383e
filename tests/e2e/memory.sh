#!/usr/bin/env bash
# Stages side by side share run.memory_mb: one waits until so much as it may need is free, also after the other was killed; one that may need
# more than there is runs alone; no stage takes more than it said it may need.
set -eu
cd "$(dirname "$0")/../.."
case $(basename "$(dirname "$MOODCAST_BIN")") in asan | tsan) echo "SKIP memory: the sanitizers' own memory is in the way"; exit 77 ;; esac
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"; [ -z "${holder:-}" ] || kill "$holder" 2>/dev/null || true' EXIT
. tests/support/small_run.sh
python=/usr/bin/python3
$python -c '' 2>/dev/null || { echo "SKIP memory: python3 is not installed"; exit 77; }

jobs=-j2
large=network.batch=256 # what the network takes shows beside what the stages take anyway
job $large
! grep -q ' waits: ' "$scratch/log" || { cat "$scratch/log"; echo "a stage waits although there is room"; exit 1; }
$python - "$scratch"/out/store/*/done <<'END' || exit 1
import json, sys
for path in sys.argv[1:]:
    done = json.load(open(path, encoding="utf-8"))
    if not 0 < done["peak_memory_bytes"] <= done["memory_need_bytes"]:
        sys.exit(f"{path}: took {done['peak_memory_bytes']:.0f} bytes, said it may need {done['memory_need_bytes']:.0f}")
assert len(sys.argv) == 12
END

# With less than any of them needs each has all of it: at no time two at work.
mv "$scratch/out" "$scratch/roomy"
job $large run.memory_mb=50
grep -qE '(playlists|tags|als|faces|cascade|features): waits: it may need 50 MB of the 50 MB' "$scratch/log" || { cat "$scratch/log"; echo "no stage waits"; exit 1; }
sums | diff <(sums "$scratch/roomy") - || { echo "other bytes"; exit 1; }

# Somebody holds megabytes 100 to 199 of 400: a stage that needs 150 finds the gap behind them, one that needs 250 waits until they are free.
playlists=$(echo "$scratch"/roomy/store/playlists-*)
als=("$MOODCAST_BIN/moodcast-train" als --in playlists="$playlists" --set als.iterations=1 --shares "$scratch/shares")
hold() {
  $python - "$scratch/shares" "$1" "$2" "$scratch/held" <<'END' & holder=$!
import fcntl, os, struct, sys, time
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.fcntl(file, 37, struct.pack("hhqqi", fcntl.F_WRLCK, 0, int(sys.argv[2]), int(sys.argv[3]), 0))  # F_OFD_SETLK
open(sys.argv[4], "w").close()
time.sleep(3600)
END
  until [ -e "$scratch/held" ] || ! kill -0 "$holder" 2>/dev/null; do sleep 0.1; done
  rm "$scratch/held"
}
release() { kill -KILL "$holder"; wait "$holder" 2>/dev/null || true; holder=; }
# begin FOLDER: als on a share of 250 MB in the background, until it says that it waits, or has ended.
begin() {
  : >"$scratch/log"
  "${als[@]}" --set run.memory_mb=250 --out "$scratch/$1" >"$scratch/log" 2>&1 & waiting=$!
  until grep -q 'als: waits: it may need 1[0-9][0-9] MB of the 250 MB' "$scratch/log" || ! kill -0 "$waiting" 2>/dev/null; do sleep 0.1; done
}
hold 100 100
"${als[@]}" --set run.memory_mb=400 --out "$scratch/gap" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
! grep -q waits "$scratch/log" || { cat "$scratch/log"; echo "waits although there is a gap"; exit 1; }
begin busy
sleep 1
[ ! -e "$scratch/busy/done" ] && kill -0 "$waiting" || { cat "$scratch/log"; echo "did not wait"; exit 1; }
release
wait "$waiting" || { cat "$scratch/log"; echo "failed after the wait"; exit 1; }
[ -e "$scratch/busy/done" ]

# A stop while it waits is a stop.
hold 0 300
begin stopped
kill -TERM "$waiting"; code=0; wait "$waiting" || code=$?
[ $code -eq 6 ] || { cat "$scratch/log"; echo "exit $code after a stop"; exit 1; }
