#!/usr/bin/env python3
"""The chat client of the classic tutorial (a socket, a thread that receives, a thread that sends), put right.

    python3 examples/tutorial_client.py ALIAS [HOST [PORT]]

The original works on one's own machine, with two people who type slowly. Each comment that begins with a number
says what it does and when that goes wrong.
"""

import os
import socket
import sys
import threading


def receive(server, alias):
    """Prints what the server says until it closes. Runs in the main thread."""
    asked = False
    # 1. The original takes what `recv(1024)` returns for a message. TCP carries a stream of bytes: one recv may bring
    #    half a message, or three. A message here is a line; makefile() collects bytes until one is whole.
    #    newline="\n": nothing but the server's line ends is one, whatever characters people send.
    # 2. It decodes each piece, so that an "é" whose two bytes come in two pieces is an error. Here the line is decoded.
    for line in server.makefile(encoding="utf-8", newline="\n"):
        line = line.rstrip("\n")
        # 3. It asks `if message == "ALIAS?"`, which is never true once the question shares its recv with the next line.
        #    And if the alias is taken it answers the second question, like all that follow, with the same alias.
        #    Here the first is answered; from then on the person sees the question, and what he types is the answer.
        if line == "ALIAS?" and not asked:
            asked = True
            say(server, alias)
        else:
            # 4. flush: a print into a pipe would stay in a buffer until there are kilobytes of it.
            print(line, flush=True)


def type_lines(server):
    """Sends what is typed until there is no more. Runs in a thread beside."""
    try:
        # 5. The original calls input() for ever and ends with a traceback at Ctrl-D.
        for line in sys.stdin:
            # 6. It puts "alice: " before the text, so that whoever likes can be bob. The server knows who is who.
            say(server, line.rstrip("\n"))
        # 7. It closes at once, and what is under way is lost. This says "that was all"; the server still sends what
        #    is due, says goodbye and closes, and then receive() ends.
        server.shutdown(socket.SHUT_WR)
    except OSError:
        # 8. The original has `except:`, which takes every error, a typing mistake in the program too, for a
        #    closed connection. This one is just that, and receive() sees it too.
        pass


def say(server, text):
    # 9. It calls send() without a newline: the server can't know where one message ends and the next begins.
    # 10. send() may take only a part of it and says so in a result that nobody looks at. sendall() sends all of it.
    server.sendall(text.encode("utf-8") + b"\n")


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: tutorial_client.py ALIAS [HOST [PORT]]")
    alias, host, port = (sys.argv[1:] + ["127.0.0.1", "5555"][len(sys.argv) - 2 :])[:3]
    try:
        # 11. Not AF_INET, as the original has it: create_connection() takes a name or an IPv6 address as well.
        server = socket.create_connection((host, int(port)))
    except OSError as error:
        sys.exit(f"can't connect to {host}:{port}: {error}")
    # 12. The original has two threads that both go on for ever, so when the server closes, the program waits until
    #     somebody presses Enter. A daemon thread doesn't keep it alive.
    threading.Thread(target=type_lines, args=(server,), daemon=True).start()
    code = 0
    try:
        receive(server, alias)
    except KeyboardInterrupt:
        pass
    except OSError as error:
        print(f"the connection is lost: {error}", file=sys.stderr)
        code = 1
    # 13. The thread may still wait for the keyboard, and then Python can't end in the usual way: it would want to
    #     close the standard input that the thread holds.
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
