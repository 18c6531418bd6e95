#!/bin/sh
# A campaign that grows: every day brings a file of new contacts, and all files so far are given to the same campaign.
# Only who is new is sent to; who was sent to yesterday is known to the ledger, in whichever file and spelling.
#
#   daily.sh CAMPAIGN.toml FOLDER        sends to everybody in FOLDER/*.ndjson who was not sent to yet
#
# Put a day's file into the folder in one step (write it elsewhere on the same disk, then mv), so that no run reads half
# of it. A file may be taken out of the folder at any time: the ledger keeps whom it reached.
#
# Environment, ledger, cron and exit codes are those of nightly.sh, which does the sending.

if [ $# -ne 2 ] || [ "$2" = - ]; then
  echo "daily: usage: daily.sh CAMPAIGN.toml FOLDER (put a file into the folder: standard input is not read)" >&2
  exit 2
fi
campaign=$1
folder=$2

set -- "$folder"/*.ndjson
if [ ! -e "$1" ]; then
  echo "daily: no file in $folder: was the day's file not brought, or is its disk not mounted?" >&2
  exit 4
fi
exec "$(dirname "$0")/nightly.sh" "$campaign" "$@"
