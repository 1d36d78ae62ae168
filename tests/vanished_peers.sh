#!/bin/sh
# Peers that vanish without a word, as a laptop does whose lid is closed: their aliases have to be free again within a
# minute, in a quiet room and in a talking one. Needs Linux, root (or rather CAP_NET_ADMIN), iproute2 and python3:
#
#     sudo tests/vanished_peers.sh [PATH-TO-chat-server]
#
# The server runs in one network namespace, the peers in another; in the middle of the conversation the wire between
# them is taken down, so that nobody's kernel hears of it.
set -eu
cd "$(dirname "$0")/.."
server=${1:-}
if [ -z "$server" ]; then
    cargo build --quiet --package chat-server
    server=target/debug/chat-server
fi
near=chat-near-$$
far=chat-far-$$
cleanup() {
    ip netns del "$near" 2>/dev/null || true
    ip netns del "$far" 2>/dev/null || true
}
trap cleanup EXIT INT TERM
ip netns add "$near"
ip netns add "$far"
ip -n "$near" link add wire type veth peer name wire netns "$far"
for side in "$near 1" "$far 2"; do
    set -- $side
    ip -n "$1" link set lo up
    ip -n "$1" addr add "10.77.0.$2/24" dev wire
    ip -n "$1" link set wire up
done
ip netns exec "$near" python3 tests/vanished_peers.py "$server" "$far"
