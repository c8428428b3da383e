#!/usr/bin/env bash
# The stage `sample`: what it draws is what other programs read, and its bytes depend on the seed alone.
set -eu
cd "$(dirname "$0")/../.."
train=$MOODCAST_BIN/moodcast-train
python=/usr/bin/python3
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
small="--set sample.people=20 --set sample.pictures=9 --set sample.backgrounds=18 --set sample.playlists=400 --set sample.songs=500"

draw() { # NAME, more settings
	local name=$1
	shift
	mkdir -p "$work/$name"
	# shellcheck disable=SC2086
	"$train" sample $small "$@" --out "$work/$name" 2>"$work/log" || { cat "$work/log"; exit 1; }
	(cd "$work/$name" && sha256sum faces.zip backgrounds.zip playlists.json song_meta.json NOTICE.txt) >"$work/$name.sums"
}

draw one --set run.threads=1
draw two --set run.threads=2
draw other --set run.seed=99
cmp "$work/one.sums" "$work/two.sums" || { echo "sample: one thread and two give other bytes"; exit 1; }
for file in faces.zip backgrounds.zip playlists.json song_meta.json; do
	! cmp -s "$work/one/$file" "$work/other/$file" || { echo "sample: $file does not depend on the seed"; exit 1; }
done
grep -q 'none of them is a person' "$work/one/NOTICE.txt"
# A finished folder is left alone, and is not taken for the result of other settings.
draw one --set run.threads=1
status=0; (draw one --set run.seed=99) >"$work/other.log" 2>&1 || status=$?
[ $status = 2 ] || grep -q 'holds results of other settings' "$work/other.log" || { echo "a finished folder is taken for another result"; cat "$work/other.log"; exit 1; }
grep -q '"synthetic": true' "$work/one/metrics.json"

if ! $python -c 'import cv2' 2>/dev/null || [ ! -f /usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml ]; then
	echo "SKIP sample: $python has no cv2 with opencv-data"
	exit 77
fi
$python tests/golden/sample_judge.py "$work/one" 20 9
