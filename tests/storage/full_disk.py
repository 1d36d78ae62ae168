#!/usr/bin/env python3
"""A full disk: messages are refused, what was acked can be read, and writing goes on when there is room again.

The data folder is a tmpfs of one MiB, so this needs the right to mount one.

    tests/storage/full_disk.py        exit code 1 where a promise was broken, 2 where no tmpfs can be mounted
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import common


def check(condition, words):
    if not condition:
        print(f"  FAILED: {words}")
        raise SystemExit(1)


def fill(client, acked, start):
    """Says things until one is refused; the refusal, and the number that is next."""
    for i in range(start, start + 5000):
        text = f"text {i} " + "full " * (200 if i % 3 else 1) + "disk"
        last = client.fate(str(i), text)
        check(last is not None and last["type"] in ("ack", "error"), f"the connection ended with {last}")
        if last["type"] == "error":
            return last, i + 1
        acked[last["seq"]] = text
    check(False, "a MiB holds five thousand messages")


def story(binary, data, flags):
    (data / "ballast").write_bytes(bytes(256 << 10))
    server = common.Server(binary, data, *flags)
    client = common.Client(server, "alice")
    acked = {}
    error, number = fill(client, acked, 0)
    check(error["code"] == "storage_full", f"the refusal was {error}")
    first = len(acked)
    check(first > 5, f"only {first} messages had room")
    again = client.fate("0", "text 0 full disk")
    check(again["type"] == "ack" and again["seq"] == 1, f"a repeat was answered with {again}")
    client.send({"type": "history", "room": "lobby", "after": 0, "limit": 5, "id": "h"})
    check(client.next("message", "error")["type"] == "message", "nothing can be read")
    (data / "ballast").unlink()
    _, number = fill(client, acked, number)
    check(len(acked) > first, "nothing was stored when there was room again")
    seqs = sorted(acked)
    check(seqs == list(range(1, len(seqs) + 1)), "the seqs are not dense")
    server.kill()
    log, exported = common.export(binary, data)
    check(exported.returncode == 0, exported.stderr)
    check(not common.lost(acked, log), f"lost: {common.lost(acked, log)[:3]}")
    check(len(log) == len(acked), f"{len(log)} in the log, {len(acked)} acked, and the others were refused")
    common.Server(binary, data, *flags).kill()
    print(f"  {' '.join(flags)}: {first} acked, then refused, then {len(acked) - first} more; all are kept")


def main():
    binary = common.build()
    print("a full disk of 1 MiB")
    for flags in (["--min-free", "0"], ["--min-free", "128KiB"]):
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
            if subprocess.run(mount, capture_output=True).returncode:
                print("no tmpfs can be mounted here; this needs root")
                return 2
            try:
                story(binary, data, flags)
            finally:
                subprocess.run(["umount", "-l", folder], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
