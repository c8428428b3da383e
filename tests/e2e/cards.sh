#!/usr/bin/env bash
# What a run tells people: every figure of the page follows from metrics.json alone; the model card and the data statement say what the run was:
# front matter that a YAML reader takes, figures of metrics.json, what to distrust.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
run_make run 'report.title=a"b' >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
# The stage given nothing but metrics.json makes the same page; it lacks the picture of the cascade's features and the settings of what it was not given.
"$MOODCAST_BIN"/moodcast-train report --in evaluate="$scratch/out/sample/evaluate" --set 'report.title=a"b' --out "$scratch/alone" 2>"$scratch/log" || { cat "$scratch/log"; exit 1; }
figures() { sed -e '/<img alt="Six faces/,/<\/figure>/d' -e '/<details><summary>All settings/,$d' "$1"; }
figures "$scratch/out/sample/report/index.html" >"$scratch/page"
[ "$(grep -c '<svg' "$scratch/page")" -ge 7 ] && [ "$(grep -c '<table>' "$scratch/page")" -ge 12 ] || { echo "the page has too few figures"; exit 1; }
figures "$scratch/alone/index.html" | diff "$scratch/page" - >"$scratch/differences" || { head -c 2000 "$scratch/differences"; echo "figures of the page are not those of metrics.json"; exit 1; }
card=$scratch/out/sample/report/model_card.md data=$scratch/out/sample/report/data_statement.md
for word in 'synthetic_data: true' 'model_name: "a\"b"' 'type: "balanced_accuracy"' 'type: "arena_score"' '## What to distrust' \
  'drawn by a program' 'An expression is not an emotion' '## Not meant for' 'license: unknown' 'a perfect label' 'trained here: head' '| class | pictures | recall |'; do
  grep -qF "$word" "$card" || { cat "$card"; echo "the card does not say: $word"; exit 1; }
done
for word in '72 drawn pictures of 12 people' '| test | 2 | 12 | neutral 4, positive 4, negative 4 |' '300 made-up playlists' 'No real person' '## Not known'; do
  grep -qF "$word" "$data" || { cat "$data"; echo "the data statement does not say: $word"; exit 1; }
done
[ "$(head -n 1 "$card")" = --- ]
python=/usr/bin/python3
$python -c 'import yaml' 2>/dev/null || { echo "SKIP cards yaml: python3-yaml is not installed"; exit 77; }
$python - "$card" "$scratch/out/sample/metrics.json" <<'END'
import json, sys, yaml
head = yaml.safe_load(open(sys.argv[1], encoding="utf-8").read().split("\n---\n")[0][4:])
metrics = json.load(open(sys.argv[2], encoding="utf-8"))
said = {m["type"]: m["value"] for m in head["model-index"][0]["results"][0]["metrics"]}
assert head["classes"] == metrics["faces"]["classes"], head["classes"]
assert abs(said["balanced_accuracy"] - metrics["emotion"]["test"]["balanced_accuracy"]) < 1e-5
assert abs(said["arena_score"] - metrics["als"]["test"]["arena"]) < 1e-5
END
