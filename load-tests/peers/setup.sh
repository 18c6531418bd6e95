#!/usr/bin/env bash
# Installs the peers, in the versions pinned here, into the target folder: a Python environment and Node modules.
#   load-tests/peers/setup.sh && cargo build --release && target/release/load-tests run peers
set -euo pipefail

cd "$(dirname "$0")"
target="${CARGO_TARGET_DIR:-../../target}/peers"
mkdir -p "$target"
python3 -m venv "$target/venv"
"$target/venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
cp package.json package-lock.json "$target/"
npm ci --prefix "$target" --no-audit --no-fund --silent
