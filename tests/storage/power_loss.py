#!/usr/bin/env python3
"""Power losses: no acked message is lost where what was synced stays.

A real run of the server is recorded with strace: every write to the data folder, every sync, and every ack at its place
among them. Then the power is cut at many random points of that record: what was synced stays, of what was not a random
part does, writes torn at sectors included. The server opens what is left, and every message that was acked by then has
to be in it. At the end the same is done to a server that is built to commit with synchronous=NORMAL, and that has to be
caught, or this check would prove nothing.

    tests/storage/power_loss.py [POINTS] [SEED]        200 and 1 by default; exit code 1 where a message was lost
"""

import random
import re
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import common

WRITERS, MESSAGES = 4, 150
CALLS = "pwrite64,write,writev,pwritev,fdatasync,fsync,sync_file_range,ftruncate,fallocate,unlink,rename,sendto"
START = re.compile(r'^(\d+) +(\w+)\((.*)$')
RESUMED = re.compile(r'^(\d+) +<\.\.\. (\w+) resumed>(.*)$')
FILE = re.compile(r'^\d+<([^>]*)>')
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
SECTOR = 512


def text_of(message_id):
    return f"text {message_id} " + "power " * 40


def record(binary, env, data, trace):
    """Lets writers talk to a server that is traced, and stops it by force."""
    strace = ["strace", "-f", "-y", "-xx", "-s", "300000", "-e", f"trace={CALLS}", "-o", str(trace)]
    server = common.Server(binary, data, before=strace, env=env)

    def write(number):
        client = common.Client(server, f"writer{number}")
        for i in range(MESSAGES):
            client.fate(f"{number}-{i}", text_of(f"{number}-{i}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.stop()


def events(trace, data):
    """The record as (what, ...): write, truncate and sync with a file's name, and ack with seq and text."""
    waiting = {}
    for line in open(trace, encoding="ascii", errors="replace"):
        if found := RESUMED.match(line):
            pid, call, rest = found.groups()
            line = waiting.pop(pid, "") + rest
            started = START.match(line)
            if started and call != "sendto":
                yield from event(call, started[3], data)
            continue
        found = START.match(line)
        if not found:
            continue
        pid, call, rest = found.groups()
        if "<unfinished ...>" in rest:
            waiting[pid] = line.replace("<unfinished ...>", "").rstrip()
            # An ack may be seen from the moment in which it begins to be sent.
            if call != "sendto":
                continue
        yield from event(call, rest, data)


def event(call, rest, data):
    file = FILE.match(rest)
    name = re.sub(r"\\x([0-9a-f]{2})", lambda byte: chr(int(byte[1], 16)), file[1]) if file else ""
    if call == "sendto":
        string = STRING.search(rest)
        sent = bytes.fromhex(string[1].replace("\\x", "")) if string else b""
        for id_, seq in re.findall(rb'"type":"ack","id":"([^"]*)".*?"seq":(\d+)', sent):
            yield "ack", int(seq), text_of(id_.decode())
        return
    if not name.startswith(str(data) + "/") or name.endswith(("-shm", "server.pid", "server.lock")):
        return
    name = Path(name).name
    if " = -1 " in rest:
        return
    if call == "pwrite64":
        string = STRING.search(rest)
        offset = int(re.search(r", (\d+)\)? += \d+$", rest.rstrip())[1])
        yield "write", name, offset, bytes.fromhex(string[1].replace("\\x", ""))
    elif call == "ftruncate":
        yield "truncate", name, int(re.search(r", (\d+)\)", rest)[1])
    elif call in ("fdatasync", "fsync"):
        yield "sync", name
    else:
        raise RuntimeError(f"the recorder doesn't know what {call} of {name} means")


class Disk:
    """Files as they are after a power loss: what was synced, and some of what was not."""

    def __init__(self, folder):
        kept = (f for f in folder.iterdir() if ".db" in f.name and not f.name.endswith("-shm"))
        self.synced = {f.name: bytearray(f.read_bytes()) for f in kept}
        self.pending = {}

    def take(self, event):
        what, name, *rest = event
        if what == "sync":
            for change in self.pending.pop(name, []):
                apply(self.synced.setdefault(name, bytearray()), change)
        elif what in ("write", "truncate"):
            self.pending.setdefault(name, []).append((what, *rest))

    def after_power_loss(self, chance):
        files = {name: bytearray(content) for name, content in self.synced.items()}
        kept = chance.choice([0.0, 0.0, 0.5, 0.9, 1.0])
        for name, changes in self.pending.items():
            content = files.setdefault(name, bytearray())
            for change in changes:
                if change[0] == "truncate":
                    if chance.random() < kept:
                        apply(content, change)
                    continue
                _, offset, data = change
                for start in range(0, len(data), SECTOR):
                    if chance.random() < kept:
                        apply(content, ("write", offset + start, data[start : start + SECTOR]))
        return files


def apply(content, change):
    if change[0] == "truncate":
        del content[change[1] :]
        content.extend(bytes(change[1] - len(content)))
    else:
        _, offset, data = change
        content.extend(bytes(max(0, offset + len(data) - len(content))))
        content[offset : offset + len(data)] = data


def losses(binary, env, points, seed, folder):
    """Records a run and cuts the power: how many messages were acked in it, and what was lost at which point."""
    data, start, trace = folder / "data", folder / "start", folder / "trace"
    common.Server(binary, data, env=env).stop()
    shutil.copytree(data, start)
    record(binary, env, data, trace)
    all_events = list(events(trace, data))
    acks = [i for i, event in enumerate(all_events) if event[0] == "ack"]
    assert len(acks) >= WRITERS * MESSAGES, f"only {len(acks)} acks were recorded"
    chance = random.Random(seed)
    # Half of the points lie directly after an ack, where what it promised is youngest.
    cuts = sorted(chance.choice(acks) + 1 if i % 2 else chance.randrange(len(all_events)) for i in range(points))
    disk, acked, position, found = Disk(start), {}, 0, []
    for cut in cuts:
        for event in all_events[position:cut]:
            if event[0] == "ack":
                acked[event[1]] = event[2]
            else:
                disk.take(event)
        position = max(position, cut)
        left = folder / "left"
        shutil.rmtree(left, ignore_errors=True)
        left.mkdir()
        for name, content in disk.after_power_loss(chance).items():
            (left / name).write_bytes(content)
        log, run = common.export(binary, left)
        missing = common.lost(acked, log)
        if missing or run.returncode:
            found.append((cut, len(acked), len(missing), run.stderr.strip()))
    syncs = sum(event[0] == "sync" for event in all_events)
    truncated = sum(event[0] == "write" and event[1] == "chat.db" for event in all_events)
    print(f"  {len(acks)} acks, {len(all_events)} events, {syncs} syncs, {truncated} writes by checkpoints")
    return found


def main():
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        print(f"{points} power losses, seed {seed}")
        found = losses(common.build(), {}, points, seed, Path(folder))
        for cut, acked, missing, words in found[:5]:
            print(f"  lost at event {cut}: {missing} of {acked} acked; {words}")
        print(f"synchronous=FULL: acked messages were lost at {len(found)} of {points} points")
    with tempfile.TemporaryDirectory() as folder:
        env = {"CHAT_PLANTED_BUG": "synchronous-normal"}
        planted = losses(common.build("planted-bugs"), env, points, seed, Path(folder))
        print(f"synchronous=NORMAL, planted: acked messages were lost at {len(planted)} of {points} points")
    if not planted:
        print("the planted bug was not caught: this check proves nothing")
    return 1 if found or not planted else 0


if __name__ == "__main__":
    sys.exit(main())
