"""A thousand sign-ins and sign-outs: what they leave behind in the server. Variables: BENCH_SIGN_INS."""

from __future__ import annotations

import os
import sys
import time

from tests.bench.load.crowd import Crowds
from tests.bench.load.town import town
from tests.bench.table import Row, print_table

SIGN_INS = int(os.environ.get("BENCH_SIGN_INS", "1000"))
AT_ONCE = 8


def main() -> None:
    with town(AT_ONCE, "sim-chat@0", "--workers", "2") as place, Crowds(2) as crowds:
        for _round in range(4):  # caches are full afterwards
            crowds.connect(place.port, place.people, AT_ONCE)
            crowds.do("leave")
        time.sleep(5)
        memory, files, began, cpu = [place.memory_mb()], [place.open_files()], time.monotonic(), place.cpu_s()
        for done in range(0, SIGN_INS, AT_ONCE):
            crowds.connect(place.port, place.people, AT_ONCE)
            crowds.do("leave")
            if done % 200 == 0:
                memory.append(place.memory_mb())
                sys.stdout.write(f"  {done + AT_ONCE}: {memory[-1]:.0f} MB\n")
                sys.stdout.flush()
        took, cpu = time.monotonic() - began, place.cpu_s() - cpu
        time.sleep(5)
        after = place.memory_mb()
        files.append(place.open_files())
    print_table(
        [
            Row("memory before (PSS)", memory[:1], "MB"),
            Row("memory in the course of it", memory, "MB"),
            Row("memory afterwards : before", [after / memory[0]], "", "<= 1.1"),
            Row("open files before and after", files, "", "the same"),
            Row("a sign-in, the first frame, a sign-out: wall", [took / SIGN_INS * 1000], "ms"),
            Row("a sign-in, the first frame, a sign-out: CPU", [cpu / SIGN_INS * 1000], "ms"),
        ]
    )


if __name__ == "__main__":
    main()
