#!/usr/bin/env bash
# Files that the texts of the repository name are there: links in Markdown, and the places that `minimal.rs` points to.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=0

# named_in FILE NAME ROOT...: NAME is a file or folder under one of the ROOTs.
named_in() {
    local file=$1 name=$2 root
    shift 2
    for root in "$@"; do
        if [ -e "$root/$name" ]; then return; fi
    done
    echo "$file names $name, which is not there"
    missing=1
}

while IFS= read -r file; do
    while IFS= read -r name; do
        named_in "$file" "$name" "$(dirname "$file")"
    done < <(grep -oP '\]\((?!https?:|#|[a-z]+::)\K[^)#]+' "$file" | grep -v '::' || true)
done < <(git ls-files '*.md')

while IFS= read -r name; do
    named_in examples/minimal.rs "$name" crates crates/chat-server/src
done < <(grep '^ *//' examples/minimal.rs | grep -oP '`\K[a-z_/-]+\.rs(?=`)')

exit "$missing"
