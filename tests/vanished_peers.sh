#!/usr/bin/env bash
# Peers that vanish without a word, as a laptop does whose lid is closed: their aliases have to be free again within a
# minute, in a quiet room and in a talking one. Needs Linux, root (or rather CAP_NET_ADMIN), iproute2 and python3; without
# root it only says that this isn't checked.
#
#     sudo tests/vanished_peers.sh [PATH-TO-chat-server]
#
# The server runs in one network namespace, the peers in another; in the middle of the conversation the wire between
# them is taken down, so that nobody's kernel hears of it.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.bash
two_machines "peers that vanish"
server=${1:-$target/debug/chat-server}
if [ -z "${1:-}" ]; then cargo build --quiet --locked -p chat-server; fi
ip netns exec "$near" python3 tests/vanished_peers.py "$server" "$far"
