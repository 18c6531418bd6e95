#!/bin/sh
# Sends a campaign every evening, from cron. It may be run twice, beside itself, be cut off or lose its power: the next
# run goes on where this one ended, and nobody is sent to twice.
#
#   nightly.sh CAMPAIGN.toml INPUT...
#
# The inputs are files: a second try reads them again, which it could not do with standard input or a pipe.
#
# Once, by hand, before the first evening:
#   volley ledger init --ledger /var/lib/volley/volley.db
#
# In /etc/cron.d/volley (cron mails whatever is printed, and a good evening prints nothing):
#   MAILTO=ops@example.org
#   VOLLEY_LEDGER=/var/lib/volley/volley.db
#   OCTOPUSH_API_LOGIN_FILE=/etc/volley/octopush-login
#   OCTOPUSH_API_KEY_FILE=/etc/volley/octopush-key
#   30 18 * * 1-5  volley  /etc/volley/nightly.sh /etc/volley/spring-sale.toml /srv/contacts/customers.ndjson
#
# From the environment:
#   VOLLEY_LEDGER   the ledger, on a local disk; it must be there already
#   NIGHTLY_RUNS     where log, rejects and summary of each run go; by default the folder `runs` beside the ledger
#   NIGHTLY_TRIES    how often a run that may help itself is tried (5)
#   NIGHTLY_PAUSE    seconds between tries (60); more than the campaign's limits.settle, so that doubts are due
#
# It ends with the exit code of the last run: volley's own, which are told below.

say() { printf 'nightly: %s\n' "$*" >&2; }

if [ $# -lt 2 ]; then
  say "usage: nightly.sh CAMPAIGN.toml INPUT... (name a file: a second try could not read standard input again)"
  exit 2
fi
campaign=$1
shift

# Volley runs in the background here, where its standard input is /dev/null: it would find nobody, and call that success.
for input; do
  piped=
  case $input in
    - | /dev/stdin | /dev/fd/* | /proc/*/fd/*) piped=yes ;;
  esac
  if [ -n "$piped" ] || [ -p "$input" ]; then
    say "the input $input can be read only once, and a second try could not read it again: nothing was sent. Write it to" \
      "a file, and name that"
    exit 2
  fi
done

# A new ledger knows of nobody, and would let everybody be sent to again. So none is ever made here.
if [ ! -f "${VOLLEY_LEDGER:-}" ]; then
  say "no ledger at VOLLEY_LEDGER=${VOLLEY_LEDGER:-}: nothing was sent. Is its disk mounted? Only before the very first" \
    "run is it made, by: volley ledger init --ledger FILE"
  exit 3
fi
export VOLLEY_LEDGER

# Rejects have people's numbers in them.
umask 077
runs=${NIGHTLY_RUNS:-$(dirname "$VOLLEY_LEDGER")/runs}
mkdir -p "$runs" || exit 3
started=$(date -u +%Y%m%dT%H%M%SZ)-$$

# Runs a command, passes a signal on to it once, and waits for its end: `code` is its exit code. It has a process group of
# its own (setsid), so that a signal to our whole group does not reach it twice: volley takes the second for "at once". A
# signal to every process (the machine's shutdown) does reach it twice; volley takes them for one if they come within
# 100 ms of each other, so nothing is done before it is passed on.
child=
signals=0
passed=
pass_on() {
  signals=$((signals + 1))
  if [ -n "$child" ] && [ -z "$passed" ]; then
    passed=yes
    kill -TERM "$child" 2>/dev/null
  fi
}
trap pass_on TERM INT HUP
run() {
  setsid "$@" &
  child=$!
  # A signal may have come before there was anyone to pass it on to.
  [ "$signals" -eq 0 ] || pass_on
  code=127
  while :; do
    heard=$signals
    wait "$child"
    waited=$?
    # 127: it had ended before, and its code is known.
    [ "$waited" -eq 127 ] || code=$waited
    # A signal ends the wait, not the child: then it is waited for again.
    [ "$signals" -ne "$heard" ] || break
  done
  child=
}

try=1
while :; do
  # The rejects of each run in a file of their own: the provider's words for a refusal stand only in the rejects of the run
  # that got them.
  log=$runs/$started-$try.log
  rejects=$runs/$started-$try.rejects.ndjson
  run volley send "$campaign" "$@" --summary-file "$runs/summary.json" --rejects "$rejects" >"$log" 2>&1
  ended=$code
  case $ended in
    # A doubt is asked about once it is older than limits.settle; a provider comes back; another run ends.
    6 | 8 | 10) ;;
    *) break ;;
  esac
  { [ "$signals" -eq 0 ] && [ "$try" -lt "${NIGHTLY_TRIES:-5}" ]; } || break
  try=$((try + 1))
  # In steps: a signal ends the pause once the step is over.
  pause=${NIGHTLY_PAUSE:-60}
  while [ "$pause" -gt 0 ] && [ "$signals" -eq 0 ]; do
    sleep 1
    pause=$((pause - 1))
  done
  [ "$signals" -eq 0 ] || break
done

case $ended in
  0) exit 0 ;;
  1) say "a bug in volley: please report it, with $log" ;;
  2) say "wrong usage: mend the command line" ;;
  3) say "campaign file, credentials, ledger or STOP mention: mend what $log names and run it again; whoever was sent to until then is not sent to twice" ;;
  4) say "an input cannot be read to its end: mend it and run again; what was read before is sent" ;;
  5) say "some were refused, or every line was invalid: see $rejects; mend the message, or run volley send with --retry-refused" ;;
  6) say "in doubt after $try tries: nobody of these is sent to again by itself; see volley doubt list" ;;
  7) say "the ledger is damaged, not the one of the last time, or its disk fails: DO NOT make a new one; see volley ledger verify" ;;
  8) say "the provider could not be reached in $try tries: the next run goes on" ;;
  9) say "stopped by a limit of your own (max_cost, max_invalid, min_credit): change it, or leave it at that" ;;
  10) say "another run holds the ledger: it is still at work, and this one was not needed" ;;
  11) say "the credentials are refused or the credit is used up: mend that; the next run goes on" ;;
  129 | 130 | 143) say "stopped by a signal: the next run goes on" ;;
  *) say "volley ended with $ended (killed? not installed?): the next run goes on" ;;
esac
cat "$log" >&2
exit "$ended"
