#!/bin/sh
# Many workers, one campaign, on one machine, to look at: starts PostgreSQL and the mock of the provider, cuts an input into
# parts, has four workers send them at once over one ledger, shows the report over all of them, and takes everything down again.
# Nothing leaves the machine. It needs no rights; as root PostgreSQL runs as the user postgres.
#
#   workers.sh [INPUT.ndjson]      without one 20,000 recipients are made up
#
# It needs in its path volley and mock-server (cargo build --release makes both), PostgreSQL 15 or newer (its programs may
# lie where Debian puts them), setsid and setpriv (util-linux), and curl to show what the provider saw.
#
# From the environment:
#   WORKERS      how many are at work at once (4)
#   PARTS        into how many parts the input is cut (8); a worker that is done with one takes the next that nobody took
#   RECIPIENTS   how many are made up (20000)
#
# It ends with 0 when all parts are sent, else with the exit code of a part that was not; 129, 130 and 143 after a signal. Only
# a SIGKILL of the script itself leaves something behind.

set -u
say() { printf 'workers: %s\n' "$*" >&2; }

workers=${WORKERS:-4} parts=${PARTS:-8} recipients=${RECIPIENTS:-20000}
if [ $# -gt 1 ] || { [ $# -eq 1 ] && [ ! -f "$1" ]; }; then
  say "usage: workers.sh [INPUT.ndjson]"
  exit 2
fi
input=${1:-}

# Debian keeps the server's programs out of the path; the newest is taken.
for programs in /usr/lib/postgresql/*/bin; do
  [ ! -x "$programs/postgres" ] || PATH=$PATH:$programs
done
for program in volley mock-server postgres initdb psql createdb setsid setpriv split; do
  if ! command -v "$program" >/dev/null; then
    say "no $program in the path: see the head of this file"
    exit 3
  fi
done

# Nothing of yours is used: no ledger, no credentials, no PostgreSQL.
unset VOLLEY_LEDGER OCTOPUSH_API_LOGIN_FILE OCTOPUSH_API_KEY_FILE
unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE PGSSLMODE
export OCTOPUSH_API_LOGIN=nobody OCTOPUSH_API_KEY=nothing

# A signal is only noted; whoever waits looks for it, so that nothing is left that was just being started. What is started
# has a session of its own (setsid): a Ctrl-C reaches the script alone, and is passed on in the right order.
stopped= server= mock= at_work=
trap 'stopped=129' HUP
trap 'stopped=130' INT
trap 'stopped=143' TERM
go_on() { [ -z "$stopped" ] || exit "$stopped"; }
# What failed by the same signal, at the side of us, is not the reason.
fail() {
  go_on
  [ $# -eq 0 ] || cat "$1" >&2
  exit 3
}

# Waits for a process to its end, however often a signal ends the wait.
see_off() {
  while kill -0 "$1" 2>/dev/null; do wait "$1" 2>/dev/null; done
}

take_down() {
  trap '' HUP INT TERM
  # First the workers, which end what they have in flight, then what they need for that.
  for worker in $at_work; do kill -TERM "$worker" 2>/dev/null; done
  for worker in $at_work; do see_off "$worker"; done
  if [ -n "$mock" ]; then kill -TERM "$mock" 2>/dev/null; see_off "$mock"; fi
  # "Fast": connections end, and what was committed stays.
  if [ -n "$server" ]; then kill -INT "$server" 2>/dev/null; see_off "$server"; fi
  rm -rf "$folder"
}
folder=$(mktemp -d "${TMPDIR:-/tmp}/volley-workers.XXXXXX") || exit 3
trap take_down EXIT
go_on

# Waits for a condition; what is waited for must not have ended meanwhile.
await() {
  process=$1 log=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    go_on
    kill -0 "$process" 2>/dev/null || fail "$log"
    sleep 0.1
  done
}

# PostgreSQL: a socket in its folder, which nobody else may enter, and no port.
as=
mkdir "$folder/postgres" || fail
if [ "$(id -u)" -eq 0 ]; then
  as="setpriv --reuid=postgres --regid=postgres --clear-groups --"
  chmod 711 "$folder" && chown postgres: "$folder/postgres" || fail
fi
chmod 700 "$folder/postgres"
# `cd /`: its user may not be let into the folder that we are in.
# shellcheck disable=SC2086 # AS is words
(cd / && exec $as initdb -D "$folder/postgres/data" -U volley -A trust -E UTF8 --no-sync --no-instructions) \
  >"$folder/postgres.log" 2>&1 || fail "$folder/postgres.log"
go_on
# shellcheck disable=SC2086
(cd / && exec setsid $as postgres -D "$folder/postgres/data" -c listen_addresses= -k "$folder/postgres" \
  -c dynamic_shared_memory_type=mmap) </dev/null >>"$folder/postgres.log" 2>&1 &
server=$!
await "$server" "$folder/postgres.log" psql -h "$folder/postgres" -U volley -d postgres -c 'SELECT 1'
createdb -h "$folder/postgres" -U volley volley || fail
say "PostgreSQL answers"

# The mock, on a port that is free.
setsid mock-server --listen 127.0.0.1:0 </dev/null >"$folder/mock.log" 2>&1 &
mock=$!
await "$mock" "$folder/mock.log" grep -q 'listening on' "$folder/mock.log"
provider=$(sed -n 's/^listening on //p' "$folder/mock.log")
say "the provider is a mock at $provider"

# The limits are the campaign's: all workers together send 40 requests a second.
cat >"$folder/campaign.toml" <<CAMPAIGN
[campaign]
name = "workers"
provider = "octopush"

[octopush]
base_url = "$provider/v1/public"
text = "Hello {first_name|there}, 20% off this week. STOP au 30101"
type = "sms_premium"
purpose = "wholesale"
sender = "Acme"

[input]
default_region = "FR"

[limits]
batch_size = 100
requests_per_second = 40.0
settle = "1s"
unit_price = "0.0495"
CAMPAIGN

# The parts: part-0000.ndjson and so on.
mkdir "$folder/parts" || fail
if [ -z "$input" ]; then
  input=$folder/input.ndjson
  awk -v n="$recipients" \
    'BEGIN { for (i = 0; i < n; i++) printf "{\"phone_number\":\"+336%08d\",\"first_name\":\"Name%d\"}\n", i, i }' >"$input"
fi
split -n "l/$parts" -d -a 4 --additional-suffix=.ndjson "$input" "$folder/parts/part-" || fail
go_on

export VOLLEY_LEDGER="postgres://volley@$(printf %s "$folder/postgres" | sed 's|%|%25|g; s|/|%2F|g')/volley"
volley ledger init --quiet || fail

# What an orchestrator does: each part is run until it is done, again where that helps.
worker() {
  trap 'stopped=143; [ -z "$sending" ] || kill -TERM "$sending" 2>/dev/null' TERM
  sending=
  for part in "$folder"/parts/part-*.ndjson; do
    # Whoever makes this folder has the part.
    mkdir "$part.taken" 2>/dev/null || continue
    name=$(basename "$part" .ndjson)
    while :; do
      go_on
      setsid volley send "$folder/campaign.toml" "$part" --json --rejects "$folder/$name.rejects" \
        </dev/null >"$folder/$name.json" 2>"$folder/$name.log" &
      sending=$!
      # One that came before there was anyone to pass it on to.
      [ -z "$stopped" ] || kill -TERM "$sending" 2>/dev/null
      code=0
      wait "$sending" || code=$?
      if [ -n "$stopped" ]; then see_off "$sending"; exit "$stopped"; fi
      sending=
      say "worker $1, $name: exit code $code"
      case $code in
        0) break ;;
        # In doubt; no answer; the ledger's server away, or numbers of another worker's that it gave back.
        6 | 8 | 10) sleep 1 ;;
        *)
          cat "$folder/$name.log" >&2
          exit "$code"
          ;;
      esac
    done
  done
}

nth=1
while [ "$nth" -le "$workers" ]; do
  worker "$nth" &
  at_work="$at_work $!"
  nth=$((nth + 1))
done
ended=0
for worker in $at_work; do
  code=0
  wait "$worker" || code=$?
  go_on
  [ "$code" -eq 0 ] || ended=$code
done
at_work=

volley report workers || ended=$?
if command -v curl >/dev/null; then
  printf 'the provider saw: '
  curl -sS "$provider/__mock/stats" | grep -o '"distinct_recipients":[0-9]*,"max_per_recipient":[0-9]*' | head -n 1
fi
exit "$ended"
