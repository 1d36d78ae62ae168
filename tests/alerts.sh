#!/usr/bin/env bash
# The alert rules as Prometheus' own tool sees them: they parse, each fires where it should and not before, every figure that
# they name is one of a running server, and what that serves keeps Prometheus' conventions. Needs promtool and curl.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.bash
rules=$PWD/crates/chat-server/alerts.yml

cargo build --quiet --locked -p chat-server

promtool check rules "$rules" >"$work/out" 2>&1 || fail "the rules don't parse" "$work/out"
sed "s|RULES|$rules|" tests/alerts/rules_test.yml >"$work/rules_test.yml"
promtool test rules "$work/rules_test.yml" >"$work/out" 2>&1 || fail "an alert doesn't fire, or fires without need" "$work/out"

# Every alert is tried: by its name, or as one of all that fire.
while IFS= read -r alert; do
    grep -q "$alert" tests/alerts/rules_test.yml || fail "$alert is in no test"
done < <(grep -oP '^ *- alert: \K\w+' "$rules")

serve 'listening on http' --listen 127.0.0.1:0 --web off --data "$work/data" \
    --tls-listen 127.0.0.1:0 --tls-self-signed --metrics 127.0.0.1:0
url=$(grep -oP 'listening on \Khttp://.*/metrics' "$work/listening") || fail "it said no address" "$work/log"
curl --silent --show-error --fail --noproxy '*' "$url" >"$work/metrics" || fail "no metrics come"

promtool check metrics <"$work/metrics" >"$work/out" 2>&1 || fail "the metrics don't keep the conventions" "$work/out"
if [ -s "$work/out" ]; then fail "the metrics don't keep the conventions" "$work/out"; fi
while IFS= read -r name; do
    grep -qE "^$name(\{| )" "$work/metrics" || fail "the rules name $name, which the server doesn't serve"
done < <(grep -E '^ *expr:' "$rules" | grep -oE 'chat_[a-z_]+' | sort -u)
while IFS= read -r selector; do
    grep -qF "$selector" "$work/metrics" || fail "the rules name $selector, which the server doesn't serve"
done < <(grep -E '^ *expr:' "$rules" | grep -oE 'chat_[a-z_]+\{[^}]+\}' | sort -u)

# The same is found without an address, by way of the data folder.
"$target/debug/chat-server" status --data "$work/data" >"$work/status" 2>"$work/out" || fail "status fails" "$work/out"
grep -q '^certificate  ends in 3,6' "$work/status" || fail "status doesn't know the certificate" "$work/status"
