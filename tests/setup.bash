# What the scripts here have in common. To be sourced in the repository's folder.
#
# $work is a folder for whatever they need; it goes at the end, with all that was started here.

target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
# What is killed at the end, and the namespaces that are deleted.
processes=()
machines=()

cleanup() {
    local process machine
    for process in "${processes[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    for machine in "${machines[@]}"; do ip netns del "$machine" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# fail WORDS [FILE]: ends the script; the file shows why.
fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    if [ -n "${2:-}" ]; then sed 's/^/    /' "$2" >&2; fi
    exit 1
}

# serve LAST [ARGUMENTS]: starts chat-server, behind the command in $before, and waits until it says a line that begins with LAST.
# What it says is in $work/listening, what it logs in $work/log.
before=()
serve() {
    local last=$1 line
    shift
    mkfifo "$work/stdout"
    env -u RUST_LOG -u CHAT_CONFIG "${before[@]}" "$target/debug/chat-server" "$@" >"$work/stdout" 2>"$work/log" &
    processes+=($!)
    # Open for as long as the script runs, so that the server can go on to say something.
    exec {said}<"$work/stdout"
    while IFS= read -r -t 30 -u "$said" line; do
        printf '%s\n' "$line" >>"$work/listening"
        if [[ $line == "$last"* ]]; then return; fi
    done
    fail "the server doesn't start" "$work/log"
}

# port SCHEME: the one of loopback on which the server listens.
port() {
    sed -n "s|^listening on $1://127\.0\.0\.1:\([0-9]*\)/\{0,1\}\$|\1|p" "$work/listening"
}

# two_machines WHAT: $near and $far, network namespaces with a wire between them: 10.77.0.1 and 10.77.0.2. Where there can't be any,
# it is said that WHAT isn't checked, and that is no failure.
two_machines() {
    local side
    near=chat-near-$$ far=chat-far-$$
    if ! ip netns add "$near" 2>"$work/no-machines"; then
        printf 'left out: %s; network namespaces take root (sudo %s): %s\n' "$1" "$0" "$(cat "$work/no-machines")"
        exit 0
    fi
    machines+=("$near")
    ip netns add "$far"
    machines+=("$far")
    ip -n "$near" link add wire type veth peer name wire netns "$far"
    for side in "$near 1" "$far 2"; do
        ip -n "${side% *}" link set lo up
        ip -n "${side% *}" addr add "10.77.0.${side#* }/24" dev wire
        ip -n "${side% *}" link set wire up
    done
}
