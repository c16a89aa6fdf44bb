#!/bin/sh
# Runs one task's command and makes sure that nothing of it outlives the command or the process that started us.
#
#   sh guard.sh <task id> <seconds between SIGTERM and SIGKILL> <executable> [argument...]
#
# We lead a process group of our own. fd 3 is a pipe whose other end only our starter holds: its end of file means
# that the starter is dead, however it died. On fd 4 we report the command's exit status; we cannot exit with it,
# because the last thing we do is kill the group, and we are in it: while we live, nobody else can get our group id.
# The task id is unused here: it is what `ps` and reclaim() recognise us by.

exec 5>&2 2>/dev/null # where the shell would write "Terminated" into the task's log
seconds=$2
shift 2

# The watcher. SIGTERM is ignored before the fork, so that there is no moment at which it could kill the watcher.
trap '' TERM
(
  read -r _ <&3
  kill -s TERM 0
  PATH=/usr/bin:/bin sleep "$seconds"
  kill -s KILL 0
) </dev/null >/dev/null 4>&- 5>&- &

# A handler, unlike an ignored signal, is not inherited: the command sees the default actions.
trap : TERM INT HUP PIPE
exec 3<&-
"$@" </dev/null 2>&5 4>&- 5>&-
printf '%s\n' "$?" >&4
kill -s KILL 0
