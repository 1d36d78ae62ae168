"""Runs in the server's network namespace; see vanished_peers.sh."""

import json
import socket
import subprocess
import sys
import time

SERVER, FAR = sys.argv[1:]
WITHIN = 60

# Connects, says hello to each room once, and then does nothing for ever: the wire is cut under it.
PEERS = """
import socket, sys, time
open_ = []
for name, room in (("silent", "quiet"), ("listener", "talking")):
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    s.sendall(f"{name}\\n/join {room}\\n".encode())
    open_.append(s)
print("here", flush=True)
time.sleep(600)
"""


class Line:
    """A person at the server's own machine."""

    def __init__(self, address, name, room):
        self.socket = socket.create_connection(address)
        self.file = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.send(name)
        self.send(f"/join {room}")

    def send(self, line):
        self.socket.sendall((line + "\n").encode())

    def until(self, part, deadline):
        self.socket.settimeout(max(0.1, deadline - time.monotonic()))
        for line in self.file:
            if part in line:
                return line
        raise SystemExit(f"the server closed before {part!r}")


def main():
    server = subprocess.Popen(
        [SERVER, "--listen", "0.0.0.0:0", "--web", "off", "--ephemeral", "--max-rate", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    peers = None
    try:
        port = int(server.stdout.readline().rsplit(":", 1)[1])
        quiet = Line(("127.0.0.1", port), "quiet-watcher", "quiet")
        talking = Line(("127.0.0.1", port), "talking-watcher", "talking")
        peers = subprocess.Popen(
            ["ip", "netns", "exec", FAR, "python3", "-c", PEERS, "10.77.0.1", str(port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        peers.stdout.readline()
        soon = time.monotonic() + 10
        quiet.until("silent joined", soon)
        talking.until("listener joined", soon)
        subprocess.run(["ip", "-n", FAR, "link", "set", "wire", "down"], check=True)
        cut = time.monotonic()
        failed = False
        for name, watcher, talks in (("listener", talking, True), ("silent", quiet, False)):
            took = wait_until_gone(name, watcher, talks, cut)
            failed |= took is None
            words = f"free again after {took:.0f} s" if took else f"still taken after {WITHIN} s"
            print(f"{name}, in a {'talking' if talks else 'quiet'} room: {words}", flush=True)
        return 1 if failed else 0
    finally:
        server.kill()
        if peers:
            peers.kill()


def wait_until_gone(name, watcher, talks, cut):
    """Seconds from the cut until the room is told that he left; None where that takes too long."""
    watcher.socket.settimeout(None)
    watcher.socket.setblocking(False)
    buffer = b""
    while time.monotonic() - cut < WITHIN:
        if talks:
            watcher.socket.setblocking(True)
            watcher.send("still talking")
            watcher.socket.setblocking(False)
        time.sleep(0.25)
        try:
            buffer += watcher.socket.recv(1 << 16)
        except BlockingIOError:
            pass
        if f"{name} left the chat.".encode() in buffer:
            return time.monotonic() - cut
    return None


sys.exit(main())
