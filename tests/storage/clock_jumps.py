#!/usr/bin/env python3
"""A clock that jumps, forward and back, under a running server: seqs and timers don't care, times shown do.

libfaketime (Debian's package faketime) moves the time of day; the monotonic clock is left alone, as it is when an
operator or NTP sets a machine's clock.

    tests/storage/clock_jumps.py        exit code 1 where a promise was broken, 2 where there is no libfaketime
"""

import datetime
import glob
import socket
import sys
import tempfile
import time
from pathlib import Path

import common

DAY = 86400


def check(condition, words):
    if not condition:
        print(f"  FAILED: {words}")
        raise SystemExit(1)


class Clock:
    """The time of day that a server sees: the real one and an offset, which is read anew with every look at it."""

    def __init__(self, library, file):
        self.file = file
        self.set(0)
        self.env = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
        }

    def set(self, offset):
        self.offset = offset
        # Renamed, as a look at half a file would be a look at another time.
        part = self.file.with_suffix(".part")
        part.write_text(f"{offset:+d}s\n")
        part.rename(self.file)

    def check(self, shown, words):
        time_ = datetime.datetime.fromisoformat(shown).timestamp() - self.offset
        check(abs(time_ - time.time()) < common.DEADLINE, f"{words} has the time {shown} with the clock {self.offset:+d} s off")


class Person:
    """A connection in the text dialect."""

    def __init__(self, server, alias):
        self.socket = socket.create_connection(server.address, timeout=common.DEADLINE)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.say(alias)
        self.until(lambda line: line == "You are now connected!")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def until(self, wanted):
        """The lines up to the first one that is wanted."""
        seen = []
        for line in self.lines:
            seen.append(line.rstrip("\n"))
            if wanted(seen[-1]):
                return seen
        check(False, f"what was waited for isn't among {seen}")


def jumps(server, clock):
    """Talks while the clock jumps; what was acked."""
    alice, bob = common.Client(server, "alice"), Person(server, "bob")
    acked, times = {}, {}
    for number, offset in enumerate([0, 3600, -3600, DAY, -DAY, 40 * DAY, 0, -40 * DAY, 1]):
        clock.set(offset)
        for part in "ab":
            text = f"text {number}{part}"
            ack = alice.fate(f"{number}{part}", text)
            check(ack is not None and ack["type"] == "ack", f"{text} was answered with {ack}")
            check(ack["seq"] == len(acked) + 1, f"{text} has the seq {ack['seq']} after {len(acked)} others")
            clock.check(ack["time"], text)
            acked[ack["seq"]], times[ack["seq"]] = text, ack["time"]
            # People see the time of day in the line, and the date before it where that is another.
            lines = bob.until(lambda line: line.endswith(f" alice: {text}"))
            check(lines[-1].startswith(f"[{ack['time'][11:19]}]"), f"a person was shown {lines[-1]} for {ack['time']}")
            day = f"*** -- {ack['time'][:10]} --"
            if len(times) > 1 and times[ack["seq"] - 1][:10] != ack["time"][:10]:
                check(day in lines, f"{day} isn't among {lines}")
        # What happens after a while happens: comings are told within a quarter of a second, whatever the time of day.
        began = time.monotonic()
        visitor = Person(server, f"visitor{number}")
        bob.until(lambda line: line == f"*** visitor{number} joined the chat!")
        check(time.monotonic() - began < common.DEADLINE, "a coming wasn't told")
        visitor.say("/quit")
    again = alice.fate("0a", "text 0a")
    check((again["seq"], again["time"]) == (1, times[1]), f"the first message sent again was answered with {again}")
    return acked, times


def reserved(server, clock):
    """An alias stays its session's for two minutes after a break: not for less when a clock jumps."""
    carol = common.Client(server, "carol")
    carol.fate("c", "from carol")
    carol.socket.shutdown(socket.SHUT_RDWR)
    clock.set(3 * 3600)
    other = socket.create_connection(server.address, timeout=common.DEADLINE)
    other.sendall(b'{"type":"hello","alias":"carol"}\n')
    answers = other.makefile("r", encoding="utf-8")
    answers.readline()
    answer = answers.readline()
    check('"alias_taken"' in answer, f"an alias was given away by a clock: {answer}")


def main():
    libraries = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        print("there is no libfaketime here; it is in Debian's package faketime")
        return 2
    binary = common.build()
    print("a clock that jumps by up to 40 days")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        clock = Clock(libraries[0], Path(folder) / "clock")
        server = common.Server(binary, data, env=clock.env)
        acked, times = jumps(server, clock)
        reserved(server, clock)
        clock.set(0)
        code, errors = server.stop()
        check(code == 0 and "panic" not in errors, f"exit code {code}; {errors}")
        # A start on a log whose newest message is of the future.
        clock.set(-2 * DAY)
        server = common.Server(binary, data, env=clock.env)
        dave = common.Client(server, "dave")
        ack = dave.fate("d", "from dave")
        check(ack["type"] == "ack" and ack["seq"] == len(acked) + 2, f"after a start: {ack}")
        clock.check(ack["time"], "a message after a start")
        dave.send({"type": "history", "room": "lobby", "after": 0, "limit": len(acked), "id": "h"})
        read = {}
        while (line := dave.next("message", "end", "gap"))["type"] == "message":
            read[line["seq"]] = (line["text"], line["time"])
        check(read == {seq: (text, times[seq]) for seq, text in acked.items()}, f"history has {read}")
        server.stop()
        print(f"  {len(acked)} messages, 9 jumps: dense seqs, times as the clock had them; timers and repeats unmoved")
    return 0


if __name__ == "__main__":
    sys.exit(main())
