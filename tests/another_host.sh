#!/usr/bin/env bash
# The server on all addresses of a machine, and another machine on its network: which addresses it names to be used from there,
# and that netcat and the page work at them over plain http. Needs Linux, root (or rather CAP_NET_ADMIN), iproute2, python3,
# netcat, and what browser.sh installs; without root it only says that this isn't checked:
#
#     sudo tests/another_host.sh
#
# Both machines are network namespaces, joined by a wire; nothing of this machine's own network is touched.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.bash
two_machines "a server that is used from another machine"
tests/browser.sh install
cargo build --quiet --locked -p chat-server

before=(ip netns exec "$near")
serve 'listening on http' --listen 0.0.0.0:5555 --web 0.0.0.0:5580 --ephemeral
for address in tcp://10.77.0.1:5555 http://10.77.0.1:5580/; do
    grep -qx "others on the network can use $address" "$work/log" || fail "$address is not named" "$work/log"
done
echo "the server names the addresses that others can use"

printf 'bob\nhello\n' | ip netns exec "$far" nc -N -w 10 10.77.0.1 5555 >"$work/bob"
grep -q 'You are bob, in #lobby' "$work/bob" || fail "netcat was not let in" "$work/bob"
echo "netcat is let in"

CHROMIUM=$(command -v chromium)
export CHAT_URL=http://10.77.0.1:5580/ CHROMIUM
cd tests/browser
ip netns exec "$far" timeout 120 node --test --test-reporter=spec away.js
