#!/bin/sh
# The server on all addresses of a machine, and another machine on its network: which addresses it names to be used from there,
# and that netcat and the page work at them over plain http. Needs Linux, root (or rather CAP_NET_ADMIN), iproute2, python3,
# netcat, and what browser.sh installs:
#
#     sudo tests/another_host.sh
#
# Both machines are network namespaces, joined by a wire; nothing of this machine's own network is touched.
set -eu
cd "$(dirname "$0")/.."
tests/browser.sh install
cargo build --locked --quiet --package chat-server
near=chat-near-$$
far=chat-far-$$
server=
out=$(mktemp -d)
cleanup() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    ip netns del "$near" 2>/dev/null || true
    ip netns del "$far" 2>/dev/null || true
    rm -rf "$out"
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

mkfifo "$out/stdout"
ip netns exec "$near" "${CARGO_TARGET_DIR:-target}/debug/chat-server" \
    --listen 0.0.0.0:5555 --web 0.0.0.0:5580 --ephemeral >"$out/stdout" 2>"$out/stderr" &
server=$!
while read -r line; do
    case $line in *http*) break ;; esac
done <"$out/stdout"

for address in tcp://10.77.0.1:5555 http://10.77.0.1:5580/; do
    if ! grep -qx "others on the network can use $address" "$out/stderr"; then
        echo "$address is not named:"
        cat "$out/stderr"
        exit 1
    fi
done
echo "the server names the addresses that others can use"

if ! printf 'bob\nhello\n' | ip netns exec "$far" nc -N -w 10 10.77.0.1 5555 | grep -q 'You are bob, in #lobby'; then
    echo "netcat was not let in"
    exit 1
fi
echo "netcat is let in"

export CHAT_URL=http://10.77.0.1:5580/ CHROMIUM="$(command -v chromium)"
cd tests/browser
ip netns exec "$far" timeout 120 node --test --test-reporter=spec away.js
