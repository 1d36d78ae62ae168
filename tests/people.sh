#!/usr/bin/env bash
# People with what the README says that they may come with: netcat, telnet, curl's telnet:// and the client, in one room of one
# server. Each sees what the others say. The commands are the README's own, for another port. Needs OpenBSD's netcat, telnet and curl.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.bash

cargo build --quiet --locked -p chat-server -p chat-client
serve 'listening on tcp' --ephemeral --listen 127.0.0.1:0 --web off
chat=$(port tcp)
export CHAT_SERVER=127.0.0.1:$chat
unset RUST_LOG

# readme BEGINNING: the README's first line with a command that begins so, as it is typed here.
readme() {
    local line
    line=$(grep -m 1 -E "^    (\\$ )?$1" README.md) || fail "no command in the README begins with $1"
    line=${line#    } line=${line#\$ } line=${line//5555/$chat}
    printf '%s\n' "${line/curl.exe/curl}"
}

declare -A typing reading of
# comes NAME COMMAND: somebody starts this. As in a terminal he sees each line at once, and what he types nobody else holds open.
comes() {
    local in out
    mkfifo "$work/$1.in" "$work/$1.out"
    (
        for fd in "${typing[@]}" "${reading[@]}"; do eval "exec $fd>&-"; done
        exec stdbuf -oL bash -c "exec $2"
    ) <"$work/$1.in" >"$work/$1.out" 2>"$work/$1.errors" &
    of[$1]=$!
    processes+=($!)
    exec {in}>"$work/$1.in" {out}<"$work/$1.out"
    typing[$1]=$in reading[$1]=$out
}

# types NAME LINE
types() { printf '%s\n' "$2" >&"${typing[$1]}"; }

# sees NAME PATTERN: his next line that matches; those before it are passed over.
sees() {
    local line until=$((SECONDS + 30))
    while [ "$SECONDS" -lt "$until" ]; do
        # curl looks at what has come only when something is typed: an empty line, which says nothing.
        if [ "$1" = dave ]; then types dave ''; fi
        if ! IFS= read -r -t 1 -u "${reading[$1]}" line; then continue; fi
        printf '%s\n' "$line" >>"$work/$1.seen"
        if [[ ${line%$'\r'} =~ $2 ]]; then return; fi
    done
    cat "$work/$1.errors" >>"$work/$1.seen"
    fail "$1 doesn't see $2" "$work/$1.seen"
}

# leaves NAME: he types nothing more, and his program ends.
leaves() {
    eval "exec ${typing[$1]}>&-"
    timeout 30 tail --pid="${of[$1]}" -f /dev/null || fail "$1's program doesn't end"
}

comes alice "$(readme 'nc 127')"
comes carol "$(readme telnet)"
comes dave "$(readme curl.exe)"
for name in alice carol dave; do
    sees "$name" '^ALIAS\?$'
    types "$name" "$name"
    sees "$name" "^\*\*\* You are $name, in #lobby"
done
comes bob "$(readme 'cargo run -p chat-client -- bob')"
sees bob '^\*\*\* You are bob, in #lobby'

people=(alice bob carol dave)
for name in "${people[@]}"; do
    types "$name" "hello from $name"
    for other in "${people[@]}"; do
        if [ "$other" != "$name" ]; then sees "$other" "^\[[0-9:]{8}\] $name: hello from $name\$"; fi
    done
done
echo "netcat, the client, telnet and curl see each other"

bash -c "$(readme "printf '%s")" >"$work/program" || fail "the program in one line fails" "$work/program"
grep -q '^{"type":"bye","code":"quit"' "$work/program" || fail "the program's goodbye isn't answered" "$work/program"
for name in "${people[@]}"; do sees "$name" '^\[[0-9:]{8}\] ci: deployed$'; done
echo "a program in one line of shell is heard"

bash -o pipefail -c "$(readme "printf 'deployed")" >"$work/script" 2>&1 || fail "the script's line is not stored" "$work/script"
types alice '/join ops'
sees alice '^\[[0-9:]{8}\] bot: deployed$'
echo "a script's line by the client is kept"

for name in alice carol dave; do
    types "$name" /quit
    sees "$name" '^\*\*\* bye: you left$'
    leaves "$name"
done
leaves bob
