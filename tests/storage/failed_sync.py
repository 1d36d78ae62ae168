#!/usr/bin/env python3
"""A sync that fails: nobody is answered whose message may not be kept, and the server stops with an error.

strace makes fsync and fdatasync fail with EIO from some call on.

    tests/storage/failed_sync.py        exit code 1 where a promise was broken
"""

import sys
import tempfile
from pathlib import Path

import common


def check(condition, words):
    if not condition:
        print(f"  FAILED: {words}")
        sys.exit(1)


def run(binary, calls, when):
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        common.Server(binary, data).stop()
        inject = [word for call in calls for word in ("-e", f"inject={call}:error=EIO:when={when}+")]
        strace = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={','.join(calls)}", *inject]
        server = common.Server(binary, data, before=strace)
        client = common.Client(server, "alice")
        acked, last = {}, None
        for i in range(1000):
            last = client.fate(str(i), f"text {i}")
            if last is None or last["type"] != "ack":
                break
            acked[last["seq"]] = f"text {i}"
        check(last is not None and last["type"] == "bye" and last["code"] == "storage", f"the last words were {last}")
        code, errors = server.wait()
        check(code == 1, f"the exit code was {code}")
        check("can't be written" in errors, f"standard error was {errors}")
        log, exported = common.export(binary, data)
        check(exported.returncode == 0, exported.stderr)
        check(not common.lost(acked, log), f"lost: {common.lost(acked, log)}")
        # What became of the message that nobody was answered for is open: once, or not at all.
        check(len(log) - len(acked) in (0, 1), f"{len(log)} in the log, {len(acked)} acked")
        common.Server(binary, data).stop()
        print(f"  {' and '.join(calls)} from call {when} on: {len(acked)} acked and kept; exit code {code}")


def main():
    binary = common.build()
    print("syncs that fail with EIO")
    for when in (1, 2, 17, 40):
        # Which of the two SQLite calls depends on how it was built.
        run(binary, ["fsync", "fdatasync"], when)


if __name__ == "__main__":
    main()
