#!/usr/bin/env bash
# What others make of the server's TLS: sslyze holds its ports against Mozilla's intermediate profile, openssl s_client is a
# person's raw client, and chat-client is ours. Exit code 0: all of them are content.
# Needs openssl and python3 with venv; sslyze is installed from PyPI under target/.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.bash

cargo build --quiet --locked -p chat-server -p chat-client
if [ ! -x "$target/sslyze/bin/sslyze" ]; then
    python3 -m venv "$target/sslyze"
    "$target/sslyze/bin/pip" install --quiet --disable-pip-version-check 'sslyze~=6.3'
fi

# A CA, and a certificate of it for localhost, as somebody would get one for a public name.
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new_key[@]}" -keyout "$work/ca.key" -out "$work/ca.pem" -days 90 -subj '/CN=A CA for a test' \
    -addext keyUsage=critical,keyCertSign 2>/dev/null
openssl req "${new_key[@]}" -keyout "$work/key.pem" -out "$work/request.pem" -subj '/CN=localhost' 2>/dev/null
cat >"$work/extensions" <<'EXTENSIONS'
subjectAltName = DNS:localhost
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
EXTENSIONS
openssl x509 -req -in "$work/request.pem" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 90 \
    -extfile "$work/extensions" -out "$work/cert.pem" 2>/dev/null

serve 'listening on https' --ephemeral --listen 127.0.0.1:0 --web 127.0.0.1:0 --tls-listen 127.0.0.1:0 \
    --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
chat=$(port tls) page=$(port https)
if [ -z "$chat" ] || [ -z "$page" ]; then fail "the server doesn't say where it listens" "$work/listening"; fi

# person VERSION ALIAS: types two lines by openssl's client, and leaves.
person() {
    printf '%s\nhello from %s\n/quit\n' "$2" "$2" |
        timeout 20 openssl s_client -quiet "$1" -connect "localhost:$chat" -CAfile "$work/ca.pem" -verify_return_error \
            -verify_hostname localhost >"$work/person" 2>"$work/openssl"
}
for version in 2 3; do
    person "-tls1_$version" "alice$version" || fail "openssl can't talk TLS 1.$version" "$work/openssl"
    grep -qx 'You are now connected!' "$work/person" || fail "nobody was let in by TLS 1.$version" "$work/person"
    grep -qx '\*\*\* bye: you left' "$work/person" || fail "the goodbye didn't arrive by TLS 1.$version" "$work/person"
done
if person -tls1_1 mallory; then fail "TLS 1.1 is spoken" "$work/person"; fi
echo "openssl s_client: two people were there, by TLS 1.2 and 1.3"

fingerprint=$(openssl x509 -in "$work/cert.pem" -noout -fingerprint -sha256 | cut -d= -f2)
script() { printf 'deployed\n' | timeout 20 "$target/debug/chat-client" bot --server "localhost:$chat" --timeout 10 "$@" 2>"$work/client"; }
script --ca "$work/ca.pem" || fail "chat-client doesn't take the CA's word" "$work/client"
script --fingerprint "$fingerprint" || fail "chat-client doesn't know the certificate by its fingerprint" "$work/client"
for wrong in --tls "--fingerprint=${fingerprint//[0-9]/0}"; do
    if script "$wrong"; then fail "chat-client trusts whom it shouldn't, by $wrong"; fi
    grep -q "$fingerprint" "$work/client" || fail "the refusal doesn't show the fingerprint" "$work/client"
done
echo "chat-client: by CA and by fingerprint; others are refused"

for port in "$chat" "$page"; do
    timeout 300 "$target/sslyze/bin/sslyze" --mozilla_config=intermediate --certinfo_ca_file="$work/ca.pem" "localhost:$port" \
        >"$work/sslyze" 2>&1 || fail "sslyze is not content with port $port" "$work/sslyze"
    grep -q 'OK - Compliant' "$work/sslyze" || fail "sslyze doesn't say that port $port is compliant" "$work/sslyze"
done
echo "sslyze: both ports comply with Mozilla's intermediate profile"

# One that the server makes: what it tells people to type does what it says, and still does after a restart.
for start in first second; do
    rm -f "$work/stdout" "$work/listening"
    serve 'listening on tls' --data "$work/data" --listen 127.0.0.1:0 --web off --tls-listen 127.0.0.1:0 --tls-self-signed
    told=$(sed -n 's/^join with: chat-client ALIAS //p' "$work/log" | head -n 1)
    if [ -z "$told" ]; then fail "the server doesn't say how to join" "$work/log"; fi
    # shellcheck disable=SC2086 # These are words of a command.
    printf 'deployed\n' | timeout 20 "$target/debug/chat-client" bot $told --timeout 10 2>"$work/client" ||
        fail "the command that was told doesn't work" "$work/client"
    print=${told##*--fingerprint }
    if [ "${known:=$print}" != "$print" ]; then fail "the $start start has another fingerprint"; fi
    kill "${processes[-1]}" && wait "${processes[-1]}" || true
done
echo "--tls-self-signed: chat-client comes in by the command that the server tells, after a restart too"
