#!/usr/bin/env bash
# Makes the packages and tries each as a user would: into a root of its own, `volley --version`, and a rehearsal of the
# example campaign. Nothing outside of `target` and a temporary folder is touched.
#
#   packaging/try.sh [install|deb|wheel]...
#
# Without arguments it tries what this machine can, and says loudly what it cannot; a kind that is named must be tried.
#   install   cargo install, into a temporary root
#   deb       a Debian package (target/packaging/volley_*.deb); needs cargo-deb (cargo install cargo-deb --locked) and dpkg
#   wheel     a Python wheel with the binary (target/packaging/volley-*.whl); needs maturin (pip install maturin) and python3
#
# All are of the release profile, which is built once (some minutes), and once more for the wheel, whose binary is stripped
# as it is linked. CARGO_TARGET_DIR says where, if not in `target`.
set -euo pipefail

cd "$(dirname "$0")/.."
root=$PWD
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
out=$root/target/packaging
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

say() { printf '== %s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}
has() { command -v "$1" >/dev/null; }

# A binary that was installed, and the folder with the examples that it is tried on.
try() {
  local volley=$1 examples=$2 told
  told=$("$volley" --version)
  [ "$told" = "volley $version" ] || fail "$volley --version says '$told', expected 'volley $version'"
  told=$(cd "$scratch" && "$volley" rehearse "$examples/appointment-reminder.toml" "$examples/contacts.ndjson" --json --quiet)
  case $told in
    *'"outcome":"complete"'*'"read":1000,"accepted":891,'*) say "$volley: $version, rehearsed: 891 of 1000 lines accepted" ;;
    *) fail "$volley rehearse says $told" ;;
  esac
}

try_install() {
  cargo install --locked --path crates/volley --root "$scratch/install"
  try "$scratch/install/bin/volley" "$root/examples"
}

# What the package has beside the binary. Man pages and completions are the binary's own words, where it has the commands.
lay_out() {
  local volley=$CARGO_TARGET_DIR/release/volley doc=$out/share/doc/volley
  rm -rf "$out/share"
  mkdir -p "$doc"
  cp LICENSE-MIT LICENSE-APACHE README.md CHANGELOG.md "$doc"
  cp -r docs examples "$doc"
  # The scripts come with a mode of their own, by crates/volley/Cargo.toml.
  rm "$doc"/examples/*.sh "$doc"/examples/.gitattributes
  if "$volley" man >/dev/null 2>&1; then
    mkdir -p "$out/share/man/man1" "$out/share/bash-completion/completions" "$out/share/zsh/vendor-completions" \
      "$out/share/fish/vendor_completions.d"
    "$volley" man --directory "$out/share/man/man1"
    "$volley" completions bash >"$out/share/bash-completion/completions/volley"
    "$volley" completions zsh >"$out/share/zsh/vendor-completions/_volley"
    "$volley" completions fish >"$out/share/fish/vendor_completions.d/volley.fish"
  else
    say "WITHOUT man pages and completions: this volley has no such commands"
  fi
}

try_deb() {
  cargo build --locked --release -p volley --bin volley
  lay_out
  rm -f "$out"/*.deb
  cargo deb -p volley --no-build --strip --output "$out"
  local package installed=$scratch/deb
  package=$(ls "$out"/volley_*.deb)
  mkdir -p "$installed/var/lib/dpkg/info" "$installed/var/lib/dpkg/updates"
  : >"$installed/var/lib/dpkg/status"
  if [ "$(id -u)" -eq 0 ]; then
    # An empty root lacks libc6, which is this machine's here.
    dpkg --root="$installed" --force-depends --install "$package"
    dpkg --root="$installed" --status volley | grep -q '^Status: install ok installed$' || fail "dpkg: not installed"
  else
    say "NOT installed by dpkg, which takes root: only unpacked"
    dpkg-deb -x "$package" "$installed"
  fi
  local doc=$installed/usr/share/doc/volley file
  for file in LICENSE-MIT LICENSE-APACHE README.md examples/kubernetes/job.yaml docs/guarantee.md; do
    [ -f "$doc/$file" ] || [ -f "$doc/$file.gz" ] || fail "no $file in the package"
  done
  for file in nightly.sh daily.sh; do
    [ -x "$doc/examples/$file" ] || fail "$file cannot be run"
  done
  if [ -d "$out/share/man" ]; then
    [ -f "$installed/usr/share/man/man1/volley-send.1.gz" ] || fail "no man page in the package"
    [ -s "$installed/usr/share/bash-completion/completions/volley" ] || fail "no completions in the package"
  fi
  try "$installed/usr/bin/volley" "$doc/examples"
  dpkg-deb --field "$package" Package Version Architecture Depends
}

try_wheel() {
  rm -f "$out"/*.whl
  maturin build --locked --release --out "$out"
  python3 -m venv "$scratch/venv"
  "$scratch/venv/bin/pip" install --quiet --no-index "$out"/volley-*.whl
  try "$scratch/venv/bin/volley" "$root/examples"
  "$scratch/venv/bin/pip" show --files volley | sed -n '/^Name\|^Version\|^  /p'
}

# Why a kind cannot be tried here; nothing where it can.
lacking() {
  case $1 in
    install) ;;
    deb)
      has cargo-deb || echo "no cargo-deb (cargo install cargo-deb --locked)"
      has dpkg-deb || echo "no dpkg"
      ;;
    wheel)
      has maturin || echo "no maturin (pip install maturin)"
      has python3 || echo "no python3"
      ;;
    *)
      echo "usage: packaging/try.sh [install|deb|wheel]..." >&2
      exit 2
      ;;
  esac
}

kinds=("$@")
[ $# -gt 0 ] || kinds=(install deb wheel)
tried=() left=()
mkdir -p "$out"
for kind in "${kinds[@]}"; do
  why=$(lacking "$kind")
  if [ -n "$why" ]; then
    [ $# -eq 0 ] || fail "$kind cannot be tried here: $why"
    printf 'NOT TRIED: %s: %s\n' "$kind" "$why" >&2
    left+=("$kind")
    continue
  fi
  say "$kind"
  "try_$kind"
  tried+=("$kind")
done
say "tried: ${tried[*]:-none}"
[ ${#left[@]} -eq 0 ] || say "NOT TRIED: ${left[*]}"
