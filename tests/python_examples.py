"""Runs `examples/bot.py` and `examples/tutorial_client.py` against a real server: python_examples.py SERVER_BINARY"""

import contextlib
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import uuid

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
DEADLINE = 40  # seconds; only what fails takes so long

# A shell that runs this in the background has it ignored, and programs that are started here would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def program(*args):
    """A running program with pipes, which is gone afterwards in any case."""
    started = subprocess.Popen(
        args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", bufsize=1
    )
    alarm = threading.Timer(DEADLINE, started.kill)
    alarm.start()
    try:
        yield started
    except BaseException:
        started.kill()
        print(args, "said:", started.stderr.read() if started.stderr.readable() else "", file=sys.stderr)
        raise
    finally:
        alarm.cancel()
        started.kill()
        started.wait()


@contextlib.contextmanager
def server(binary, *flags):
    with program(binary, "--listen", "127.0.0.1:0", "--ephemeral", *flags) as running:
        # Drained, or the server would wait for a reader of its logs one day.
        threading.Thread(target=lambda: [None for _ in running.stderr], daemon=True).start()
        yield running, running.stdout.readline().strip().removeprefix("listening on tcp://")


def interrupt(running):
    running.send_signal(signal.SIGINT)
    assert running.wait(DEADLINE) == 0, running.returncode


class Json:
    """Somebody who speaks JSON."""

    def __init__(self, address, alias):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=DEADLINE)
        self.lines = self.socket.makefile(encoding="utf-8", newline="\n")
        assert self.lines.readline() == "ALIAS?\n"
        self.send(type="hello", alias=alias)
        self.until(lambda got: got["type"] == "joined")

    def send(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def say(self, text):
        self.send(type="say", room="lobby", text=text, id=uuid.uuid4().hex)

    def until(self, wanted):
        """Reads on to a message that is wanted; returns it."""
        for line in self.lines:
            got = json.loads(line)
            if wanted(got):
                return got
        raise AssertionError("the server closed")

    def sees(self, member):
        """Waits until somebody is there."""
        def there(got):
            return got["type"] == "who" and member in got["members"] or member in got.get("joined", [])

        self.send(type="who", room="lobby")
        self.until(there)

    def loses(self, member):
        self.until(lambda got: member in got.get("left", []))

    def answers(self):
        """What the bot has said so far, once it has answered all that is before this call."""
        self.send(type="history", room="lobby", limit=500, id="h")
        said = []
        self.until(lambda got: got.get("re") == "h" and (got["type"] == "end" or said.append(got)))
        return [message["text"] for message in said if message["from"] == "timebot"]


class Road:
    """A road to the server that can be cut."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.server = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.open = threading.Event()
        self.open.set()
        self.ends = []
        # From the first piece that contains this on, in either direction, nothing arrives any more.
        self.swallow = None
        self.swallowed = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            self.open.wait()
            server = socket.create_connection(self.server)
            self.ends = [client, server]
            for source, target in (client, server), (server, client):
                threading.Thread(target=self.carry, args=(source, target), daemon=True).start()

    def carry(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.swallow and self.swallow in data:
                    self.swallowed.set()
                if not self.swallowed.is_set():
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self):
        """Both ends see the connection lost, and the next one waits for `mend`."""
        self.open.clear()
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self):
        self.swallow = None
        self.swallowed.clear()
        self.open.set()


def is_answer_to(alias):
    return lambda got: got["type"] == "message" and re.fullmatch(rf"{alias}: it is \d\d:\d\d", got["text"])


def bot_answers_and_goes_on_where_it_was(address):
    road = Road(address)
    alice = Json(address, "alice")
    with program(sys.executable, str(EXAMPLES / "bot.py"), road.address) as bot:
        alice.sees("timebot")
        alice.say("hello")
        alice.say("!time")
        alice.until(is_answer_to("alice"))

        road.cut()
        alice.loses("timebot")
        bob = Json(address, "bob")
        bob.say("!time")
        bob.until(lambda got: got["type"] == "ack")
        road.mend()
        answer = alice.until(is_answer_to("bob"))
        assert len(alice.answers()) == 2, alice.answers()

        # An answer is stored and its ack lost on the way: the bot says it again, and the room has it once.
        alice.sees("timebot")
        road.swallow = b'"seq":%d,' % (answer["seq"] + 2)
        alice.say("!time")
        alice.until(is_answer_to("alice"))
        assert road.swallowed.wait(DEADLINE)
        road.cut()
        alice.loses("timebot")
        road.mend()
        alice.sees("timebot")
        bob.say("!time")
        alice.until(is_answer_to("bob"))
        assert len(alice.answers()) == 4, alice.answers()

        # An answer is lost on its way to the server: the bot says it again.
        road.swallow = b": it is "
        alice.say("!time")
        assert road.swallowed.wait(DEADLINE)
        road.cut()
        road.mend()
        alice.until(is_answer_to("alice"))
        assert len(alice.answers()) == 5, alice.answers()

        interrupt(bot)
        alice.loses("timebot")


def bot_begins_anew_with_a_new_server(binary):
    with server(binary) as (old, address):
        road = Road(address)
        alice = Json(address, "alice")
        with program(sys.executable, str(EXAMPLES / "bot.py"), road.address) as bot:
            alice.sees("timebot")
            road.open.clear()
            interrupt(old)
            with server(binary) as (_, new_address):
                host, _, port = new_address.rpartition(":")
                road.server = (host, int(port))
                alice = Json(new_address, "alice")
                road.mend()
                alice.sees("timebot")
                alice.say("!time")
                alice.until(is_answer_to("alice"))
                interrupt(bot)


def bot_says_why_it_cannot(address):
    taken = Json(address, "timebot")
    with program(sys.executable, str(EXAMPLES / "bot.py"), address) as bot:
        assert bot.wait(DEADLINE) == 1
        assert "timebot is taken" in bot.stderr.read()
    taken.send(type="quit")


def until_connected(out):
    while (line := out.readline()) != "You are now connected!\n":
        assert line, "it ended"


def tutorial_client_talks(address):
    host, _, port = address.rpartition(":")
    alice = Json(address, "anna")
    with program(sys.executable, str(EXAMPLES / "tutorial_client.py"), "anna", host, port) as client:
        # The alias is taken: the question is asked again, and the next line typed is the answer.
        out = client.stdout
        assert out.readline().startswith("!!! anna is taken"), "the refusal is shown"
        assert out.readline() == "ALIAS?\n"
        client.stdin.write("zoë\n")
        until_connected(out)
        alice.sees("zoë")
        client.stdin.write("grüße\n")
        alice.until(lambda got: got.get("from") == "zoë" and got.get("text") == "grüße")
        alice.say("two\nlines")
        while not (line := out.readline()).endswith("] anna: two\n"):
            assert line
        assert out.readline().endswith("] anna: lines\n")
        # At the end of what is typed the rest still arrives, and then it ends.
        client.stdin.write("last words\n")
        client.stdin.close()
        alice.until(lambda got: got.get("text") == "last words")
        alice.loses("zoë")
        assert out.read().endswith("*** bye: you left\n")
        assert client.wait(DEADLINE) == 0
    alice.send(type="quit")


def tutorial_client_ends_with_the_server(binary):
    with server(binary) as (running, address):
        host, _, port = address.rpartition(":")
        with program(sys.executable, str(EXAMPLES / "tutorial_client.py"), "zoe", host, port) as client:
            until_connected(client.stdout)
            interrupt(running)
            # Nobody pressed Enter: its standard input is still open.
            assert client.wait(DEADLINE) == 0
            assert client.stdout.read().endswith("*** bye: the server is shutting down\n")


def main():
    binary = sys.argv[1]
    with server(binary) as (_, address):
        for scenario in bot_answers_and_goes_on_where_it_was, bot_says_why_it_cannot, tutorial_client_talks:
            scenario(address)
            print("ok", scenario.__name__, flush=True)
    for scenario in bot_begins_anew_with_a_new_server, tutorial_client_ends_with_the_server:
        scenario(binary)
        print("ok", scenario.__name__, flush=True)


main()
