"""Gives every fuzz target its time: hours.py FUZZERS SECONDS [JOBS].

FUZZERS holds libFuzzer programs (`make fuzz-all` builds them). JOBS run at a time, one turn of two minutes each, always the target with the least CPU time
so far, until each has had SECONDS; hours.json beside them remembers across runs, so this may be interrupted. What is found goes to found/, what adds
coverage to corpus/. Closes with the table of tests/RELIABILITY.md; status 1 when something was found.
"""
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading

from fuzzers import environment, targets, tests

TURN = 120
root, seconds, jobs = os.path.abspath(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else os.cpu_count()
book = root + "/hours.json"
# Two at once would write over one another's hours; and a shell that starts this behind itself has it ignore interrupts.
own = open(root + "/hours.lock", "w")
try:
    fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit(f"error: {root}: another run gives these targets their hours; wait for it or stop it")
signal.signal(signal.SIGINT, signal.default_int_handler)
spent = json.load(open(book)) if os.path.exists(book) else {}
for target in targets:
    spent.setdefault(target, {"cpu": 0.0, "inputs": 0})
busy, failed, lock = set(), set(), threading.Lock()


def next_target():
    with lock:
        open_ones = [t for t in targets if t not in busy | failed and spent[t]["cpu"] < seconds]
        target = min(open_ones, key=lambda t: spent[t]["cpu"], default=None)
        busy.add(target)
        return target


def turn(target):
    corpus, found = f"{root}/corpus/{target}", f"{root}/found/{target}"
    log = f"{root}/log/{target}"
    for folder in (corpus, found, root + "/log"):
        os.makedirs(folder, exist_ok=True)
    with open(log, "wb") as out:
        fuzzer = subprocess.Popen(["nice", "-n", "19", f"{root}/fuzz/{target}", f"-max_total_time={TURN}", "-rss_limit_mb=2500", "-print_final_stats=1",
                                   "-artifact_prefix=" + found + "/", corpus, f"{tests}/fuzz/corpus/{target}"],
                                  env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(fuzzer.pid, 0)
    inputs = re.findall(rb"stat::number_of_executed_units:\s*(\d+)", open(log, "rb").read())
    with lock:
        spent[target]["cpu"] += used.ru_utime
        spent[target]["inputs"] += int(inputs[-1]) if inputs else 0
        busy.discard(target)
        if status:
            failed.add(target)
            print(f"{target}: see {log} and {found}", flush=True)
        with open(book + ".part", "w") as out:
            json.dump(spent, out)
        os.replace(book + ".part", book)
        print(f"{target}: {spent[target]['cpu']:.0f} s", flush=True)


def work():
    try:
        while (target := next_target()):
            turn(target)
    except OSError as error:
        failed.add(str(error))
        print(f"error: {error}", file=sys.stderr)


# Daemons: an interrupt, which the fuzzers get as well, ends all of it and counts nothing.
threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
for thread in threads:
    thread.start()
try:
    for thread in threads:
        thread.join()
except KeyboardInterrupt:
    sys.exit(130)
for target in targets:
    print(f"| {target} | {spent[target]['cpu']:,.0f} | {spent[target]['inputs']:,} |")
sys.exit(1 if failed else 0)
