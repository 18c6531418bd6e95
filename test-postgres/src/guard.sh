# Stands between a test process and its PostgreSQL, and outlives both: reads words from its stdin, which the test process
# holds open. When that closes, however the test process ended, PostgreSQL ends and its folder goes.
# Its stdout is the log, held open by PostgreSQL alone once that runs: the log ends when the last of its processes has.
#
# guard FOLDER AS INITDB MORE POSTGRES ARGUMENT...; AS is what goes before each command to run it as another user, or empty;
# MORE is what initdb is told besides.
folder=$1 as=$2 initdb=$3 more=$4
shift 4

# A collation in which the order of texts is not that of their bytes, as most databases have it.
if [ ! -e "$folder/data/PG_VERSION" ]; then
  # shellcheck disable=SC2086 # AS and MORE are words
  $as "$initdb" $more --no-sync --no-instructions --pgdata="$folder/data" --username=postgres --auth=scram-sha-256 \
    --pwfile="$folder/password" --locale=C --encoding=UTF8 --locale-provider=icu --icu-locale=en 2>&1 || exit
fi
# shellcheck disable=SC2086
(exec $as "$@" </dev/null 2>&1) &
postmaster=$!
exec >/dev/null 2>&1

# Its number may be another process's once it was waited for.
forget() {
  wait "$postmaster"
  postmaster=
}

# All at once, as if the machine had lost its power: the postmaster is halted first, so that it has no more children.
kill_all() {
  [ -n "$postmaster" ] || return
  kill -STOP "$postmaster"
  children=$(cat "/proc/$postmaster/task/$postmaster/children")
  # shellcheck disable=SC2086 # numbers
  kill -KILL "$postmaster" $children
  forget
}

# What PostgreSQL calls immediate: nothing is written, but it tidies up what the system keeps for it.
stop() {
  [ -n "$postmaster" ] || return
  kill -QUIT "$postmaster"
  kill -CONT "$postmaster"
  forget
}

while read -r word; do
  case $word in
    kill) kill_all ;;
    stop) stop ;;
    leave) exit ;;
  esac
done
stop
# After a kill its segment of shared memory is still there, and the seventh line of this file names it.
if [ -e "$folder/data/postmaster.pid" ]; then
  segment=$(sed -n '7s/.* //p' "$folder/data/postmaster.pid")
  ipcrm -m "$segment"
fi
rm -rf "$folder"
