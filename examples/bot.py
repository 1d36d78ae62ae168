"""A bot in 40 lines: `python3 examples/bot.py [HOST:PORT]`, then say !time in the room. After a lost connection it goes
on where it was: it answers what was asked meanwhile, nothing twice. Left out: a ping, to notice a server gone silently."""
import json, random, socket, sys, time, uuid

host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5555").rpartition(":")
hello = {"type": "hello", "v": 1, "alias": "timebot", "history": 0}  # later also: where to go on
unacked = {}  # what was said and may not have arrived; said again with its id it is stored once

def send(server, message):
    server.sendall(json.dumps(message).encode() + b"\n")

def talk(server):
    send(server, hello)
    for line in server.makefile(encoding="utf-8", newline="\n"):
        if not (line.startswith("{") and line.endswith("\n")): continue  # ALIAS? or a torn line
        match json.loads(line):
            case {"type": "welcome", "session": session, "log": log}:
                hello.update(session=session, log=log)
                for message in unacked.values(): send(server, message)
            case {"type": "joined" | "reset" as what, "room": room, "head": head}:
                if what == "reset" or "rooms" not in hello: hello["rooms"] = [{"room": room, "after": head}]
            case {"type": "message" | "ack", "seq": seq, "room": room} as got:  # each seq in order, as one of these
                hello["rooms"][0]["after"] = max(seq, hello["rooms"][0]["after"])
                unacked.pop(got.get("id"), None)
                if got.get("text") == "!time" and not got.get("own"):
                    text, id = f"{got['from']}: it is {time.strftime('%H:%M')}", uuid.uuid4().hex
                    unacked[id] = {"type": "say", "room": room, "text": text, "id": id}
                    send(server, unacked[id])
            case {"type": "error", "code": "unknown_session"}: del hello["session"]; send(server, hello)
            case {"type": "error", "id": id, "message": why}: print(why, unacked.pop(id, ""), file=sys.stderr)
            case {"type": "error", "message": why}: sys.exit(why)
            case {"type": "bye", "reason": why} as bye if "retry_after_ms" not in bye: sys.exit(why)

while True:
    try:
        with socket.create_connection((host, int(port))) as server:
            try: talk(server)
            except KeyboardInterrupt: send(server, {"type": "quit"}); sys.exit()
    except OSError as error: print(error, file=sys.stderr)
    time.sleep(random.uniform(0.5, 2))  # not all bots of the house at once
