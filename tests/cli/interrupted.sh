#!/usr/bin/env bash
# Stages that read, write and compute, among a storm of signals that ask for nothing (a handler without SA_RESTART, so that every waiting system call
# is interrupted), with reads that give a few bytes or EINTR, with a clock that steps back and forth (tests/support/preload/odd_calls.c): they end as if nothing
# had happened, with the same bytes, and no duration is negative. The readers' unit tests pass among the same reads, the server's
# with its sockets.
set -eu
cd "$(dirname "$0")/../.."
train=${MOODCAST_BIN:-build/bin}/moodcast-train
ldd "$train" | grep -qE 'lib[at]san' && { echo "SKIP interrupted: LD_PRELOAD and sanitizers exclude each other"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/storm.c" <<'C'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>
static volatile sig_atomic_t count;
static void nothing(int signal)
{
	(void)signal;
	count++;
}
static void tell(void)
{
	char line[32];
	int length = snprintf(line, sizeof line, "storm %d\n", (int)count);
	if (write(2, line, (size_t)length) < 0)
		_exit(99);
}
__attribute__((constructor)) static void start(void)
{
	struct sigaction action = {.sa_handler = nothing};
	struct itimerval often = {{0, 500}, {0, 500}};
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	atexit(tell);
}
C
gcc -std=c11 -D_GNU_SOURCE -Wall -Wextra -shared -fPIC -o "$scratch/storm.so" "$scratch/storm.c"
small="--set sample.people=12 --set sample.pictures=6 --set sample.backgrounds=4 --set sample.playlists=300 --set sample.songs=300 --set als.iterations=3 --set tags.epochs=1 --set tags.size=16"
chain() { # FOLDER PRELOAD
  local to=$1 preload=$2 in; mkdir "$to"
  step() { LD_PRELOAD=$preload "$train" "$@" $small --out "$to/$1" 2>>"$to.log" || { tail -n 5 "$to.log"; echo "$1 among signals: exit $?"; exit 1; }; }
  step sample
  in="--set faces.input=$to/sample/faces.zip --set faces.layout=kface --set playlists.input=$to/sample/playlists.json"
  step faces $in
  step playlists $in
  step tags --in playlists="$to/playlists"
  step als --in playlists="$to/playlists"
  (cd "$to" && find . -type f ! -name done ! -name log.jsonl ! -name inputs.tsv ! -name metrics.json | sort | xargs sha256sum) >"$to.sums"
}
chain "$scratch/calm" ""
chain "$scratch/storm" "$scratch/storm.so"
least=$(grep -oE '^storm [0-9]+' "$scratch/storm.log" | awk 'NR == 1 || $2 < least { least = $2 } END { print least + 0 }')
[ "$(grep -c '^storm ' "$scratch/storm.log")" -ge 5 ] && [ "$least" -gt 10 ] || { echo "too few signals: $least in a stage"; exit 1; }
diff "$scratch/calm.sums" "$scratch/storm.sums" || { echo "other bytes among signals"; exit 1; }

gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$scratch/odd.so" tests/support/preload/odd_calls.c -ldl
for way in "short eintr" clock; do
  name=${way%% *}
  ODD=$way chain "$scratch/$name" "$scratch/odd.so"
  [ "$(grep -c "^odd [1-9]" "$scratch/$name.log")" -ge 4 ] || { grep '^odd' "$scratch/$name.log"; echo "$way: more than one stage in which no call was bent"; exit 1; }
  diff "$scratch/calm.sums" "$scratch/$name.sums" || { echo "other bytes with $way"; exit 1; }
  ! grep -nE '"[a-z_]*seconds": *-' -r "$scratch/$name" --include='*.json' --include='*.jsonl' --include=done || { echo "$way: a negative duration"; exit 1; }
done
# What is read through streams or mapped makes no such call.
for test in test_io_archive test_io_npy test_io_hdf; do
  ODD="short eintr" LD_PRELOAD="$scratch/odd.so" "$MOODCAST_UNITS/$test" >"$scratch/unit" 2>&1 ||
    { grep -E '^\[  (ERROR|FAILED)|^ERROR' "$scratch/unit" | head -n 5; echo "$test fails among short reads"; exit 1; }
  grep -q '^odd [1-9]' "$scratch/unit" || { echo "$test: no call was bent"; exit 1; }
done
# The server on sockets that take and give one byte at a time, with EINTR and EAGAIN in between: pages, pictures, songs, verdicts, refusals.
gcc -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra -shared -fPIC -o "$scratch/sockets.so" tests/support/preload/odd_sockets.c -ldl
LD_PRELOAD="$scratch/sockets.so" "$MOODCAST_UNITS/test_http" >"$scratch/unit" 2>&1 ||
  { grep -E '^\[  (ERROR|FAILED)|^ERROR' "$scratch/unit" | head -n 5; echo "test_http fails on short sockets"; exit 1; }
bent=$(sed -n 's/^odd //p' "$scratch/unit")
[ "$bent" -gt 100000 ] || { echo "only $bent calls of sockets were bent"; exit 1; }
