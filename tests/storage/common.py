"""What the checks of the storage share: the program, a client of the JSON dialect, and reading a log back."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 30


def build(*features):
    """Builds chat-server, in a folder of its own where it is built with features; its path."""
    target = ROOT / "target"
    place = target / "-".join(features) if features else target
    command = ["cargo", "build", "--quiet", "--locked", "--package", "chat-server", "--target-dir", str(place)]
    command += ["--features", ",".join(features)] if features else []
    # What it is made of is shared.
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "CARGO_BUILD_BUILD_DIR": str(target)})
    return str(place / "debug" / "chat-server")


class Server:
    """A server on a free port; `before` goes before the command, such as strace and its arguments."""

    def __init__(self, binary, data, *flags, before=(), env=None):
        command = [*before, binary, "--listen", "127.0.0.1:0", "--web", "off", "--max-rate", "0"]
        command += ["--data", str(data), *flags] if data else ["--ephemeral", *flags]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**clean, **(env or {})}
        )
        self.errors = []
        self.reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self.reader.start()
        line = self.process.stdout.readline()
        found = re.match(r"listening on tcp://([\d.]+):(\d+)", line)
        if not found:
            code = self.process.wait(DEADLINE)
            self.reader.join(DEADLINE)
            raise RuntimeError(f"no server (exit code {code}): {''.join(self.errors)}")
        self.address = (found[1], int(found[2]))
        # What runs the server may keep signals to itself.
        self.pid = int((Path(data) / "server.pid").read_text()) if before else self.process.pid

    def wait(self):
        """Waits for its end; exit code, standard error."""
        code = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        return code, "".join(self.errors)

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()


class Client:
    """A connection in the JSON dialect."""

    def __init__(self, server, alias):
        self.socket = socket.create_connection(server.address, timeout=DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()
        self.send({"type": "hello", "alias": alias, "history": 0})
        self.next("joined")

    def send(self, message):
        self.socket.sendall(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def say(self, message_id, text):
        self.send({"type": "say", "room": "lobby", "id": message_id, "text": text})

    def receive(self):
        """The next line; None at the end."""
        try:
            line = self.lines.readline()
        except ConnectionError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def next(self, *types):
        """The next line of one of these types; None at the end."""
        while (line := self.receive()) is not None:
            if line["type"] in types:
                return line
        return None

    def fate(self, message_id, text):
        """Says something, and waits for its ack, its error or the end."""
        self.say(message_id, text)
        while (line := self.next("ack", "error", "bye")) is not None:
            if line["type"] == "bye" or line.get("id") == message_id:
                return line
        return None


def export(binary, data):
    """The messages in a log: seq to text, and whether it could be read."""
    run = subprocess.run([binary, "export", "--data", str(data)], capture_output=True, text=True, timeout=DEADLINE)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return {line["seq"]: line["text"] for line in lines if line["type"] == "message"}, run


def lost(acked, log):
    """The acked ones that are not in the log as they were acked."""
    return [(seq, text) for seq, text in acked.items() if log.get(seq) != text]
