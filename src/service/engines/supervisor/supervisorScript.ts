import { assignable, readOnly } from "./assignable.ts";

/** Variable by which all processes of a run are found again. */
export const runMarker = "BATCHAI_RUN_ID";

/** Exit code of a supervisor that has run nothing, because it could not write the claim. */
export const ranNothing = 3;
/** Exit code of a supervisor that has run nothing, because the claim was taken before. */
export const foundOwner = 4;
/** Exit code of a supervisor that has the claim and has run nothing, because the machine lacks processes. */
export const startedNothing = 5;

/**
 * Supervises one run, independently of the service and the launcher: if both die, the run continues and records its end.
 * Started as `bash -p -c SCRIPT batchai-supervisor FOLDER RARE [COUNTER LIMIT [PLAN]]` in its own session, without standard
 * streams. `RARE` is {@link rareSupervision}. If the memory of the run is limited, `COUNTER` is the file of its control group
 * that counts the processes that the system has killed for it, and `LIMIT` the number of bytes. With a counter, even an
 * empty one, signals do not end the supervisor.
 *
 * The script is the same for every run. The differences are in the file `PLAN` of the run's folder (default: `plan`), as fields that end in
 * NUL: grace period in tenths of a second, number of preparation steps, number of processes, number of execution logs,
 * tenths of a second that processes have to end after the master has succeeded, the logs, and for each step the number of
 * its fields and then node ID, working directory, stdout, stderr, execution log, command line, name, kind (`server`,
 * `once:KEY` or nothing), NAME=VALUE...
 *
 * It has the environment of the job, secrets included; `-p` makes bash ignore special variables in it (BASH_ENV,
 * exported functions). Names here begin with `batchai_` because assigning to a name that the job uses would change it
 * for the job. `command -p` finds the standard tools whatever the job's PATH is.
 *
 * For a short run, this script is most of the cost. So a run of one command needs no process but that command, and what
 * few runs need is parsed only when a run needs it.
 */
export const supervisorScript = `
cd -- "$1" || exit 1

# The process that creates the claim owns the run; every other one gives up.
set -o noclobber
printf '%s\\n' "$$" > claim || { [[ -s claim ]] && exit ${foundOwner}; exit ${ranNothing}; }
: > "../\${PWD##*/}.claimed" # Outside of the folder, which the job may damage.
set +o noclobber

batchai_rare=$2
batchai_counter=$3
batchai_limit=$4
# systemd before version 253 stops everything in a scope in which a process was killed for lack of memory.
[[ $batchai_counter ]] && trap : TERM
mapfile -d '' -t batchai_plan < "\${5:-plan}" || {
  # Before bash 4.4.
  batchai_plan=()
  while IFS= read -r -d '' batchai_pair; do batchai_plan+=("$batchai_pair"); done < "\${5:-plan}"
}
[[ $5 ]] && command -p rm -f -- "$5"
batchai_started=()
batchai_ends= # Descriptor of a pipe, to which the ends of processes are reported.
batchai_phase=processes
batchai_decider= # Index of the step whose exit code counts: first the preparation, then the processes.
batchai_code=254 # If bash gives up, for example because of FUNCNEST.

# bash exits if it cannot start a process. Then nothing has run, unless it was not the first one. The exit code says so,
# because a job can write to every file.
batchai_helper= # The last process that belongs to no step.
trap '(( \${#batchai_started[@]} )) || [[ $! != "$batchai_helper" ]] || exit ${startedNothing}' EXIT

batchai_run() { # runs batchai_step in the place of this process
  local batchai_name batchai_odd=() # Variables whose names bash cannot assign to.
  for batchai_pair in "\${batchai_step[@]:8}"; do
    batchai_name=\${batchai_pair%%=*}
    if [[ $batchai_name =~ ${assignable.source} && ! $batchai_name =~ ${readOnly.source} ]]; then
      export "$batchai_pair"
    else
      batchai_odd+=("$batchai_pair")
    fi
  done
  cd -- "\${batchai_step[1]}" || exit 126
  if [[ $batchai_counter ]]; then # The system is to kill the job before its supervisor.
    read -r batchai_score < /proc/self/oom_score_adj
    printf '%d' "$((batchai_score < 500 ? batchai_score + 500 : 1000))" > /proc/self/oom_score_adj
  fi
  [[ -p \${batchai_step[2]} || -p \${batchai_step[3]} ]] && exit 126
  exec >> "\${batchai_step[2]}" 2>> "\${batchai_step[3]}" || exit 126
  unset OLDPWD # The folder of the run does not concern the job.
  (( \${#batchai_odd[@]} )) && exec "$(command -pv env)" -- "\${batchai_odd[@]}" "$BASH" -c -- "\${batchai_step[5]}"
  exec -a bash "$BASH" -c -- "\${batchai_step[5]}"
}

batchai_wait() { # process; sets batchai_status to its exit code
  wait "$1"
  batchai_status=$?
  while [[ $batchai_counter ]] && kill -0 "$1"; do # A signal to this process has interrupted \`wait\`.
    wait "$1"
    batchai_status=$?
  done
}

batchai_note() { # text, logs...
  local batchai_text=$1 batchai_time batchai_log
  shift
  TZ=UTC0 printf -v batchai_time '%(%Y-%m-%dT%H:%M:%SZ)T' -1
  for batchai_log; do
    [[ -p $batchai_log ]] && continue # A job has put a pipe there, which nobody may read.
    printf '%s %s\\n' "$batchai_time" "$batchai_text" >> "$batchai_log"
  done
}

if (( batchai_plan[1] == 0 && batchai_plan[2] == 1 )); then
  batchai_step=("\${batchai_plan[@]:6+batchai_plan[3]}")
  set -m # A process group for each step. Not for \`wait\`, which would then return when a job stops itself.
  ( batchai_run ) &
  set +m
  batchai_started+=("$!")
  batchai_wait "$!"
  batchai_code=$batchai_status
  batchai_decider=0
else
  eval "$batchai_rare"
  batchai_run_steps
fi

for batchai_group in "\${batchai_started[@]}"; do
  kill -0 -- "-$batchai_group" || continue # Nothing of this process group is left.
  eval "$batchai_rare"
  batchai_end_session
  break
done
batchai_memory=
if [[ $batchai_counter ]] && (( batchai_code )); then
  eval "$batchai_rare"
  batchai_count_kills
fi
batchai_note "Run ended with exit code $batchai_code." "\${batchai_plan[@]:5:batchai_plan[3]}"

trap - EXIT
printf -v batchai_end '{"kind":"exited","phase":"%s","exitCode":%d%s%s}' "$batchai_phase" "$batchai_code" \\
  "\${batchai_decider:+,\\"step\\":$batchai_decider}" "$batchai_memory"
set -o noclobber
[[ -e exit.json || -h exit.json ]] || printf '%s\\n' "$batchai_end" > exit.json || {
  eval "$batchai_rare"
  batchai_record "$batchai_end"
}
# A launcher has the engine make the file durable. Without one, the service may come only after a power failure.
# In a container, it has no parent.
(( PPID )) && kill -0 "$PPID" || command -p sync exit.json .
exit 0
`;

/** The parts of {@link supervisorScript} that few runs need. */
export const rareSupervision = `
batchai_load() { # index of a step; sets batchai_step
  local batchai_at=\${batchai_steps[$1]}
  batchai_step=("\${batchai_plan[@]:batchai_at+1:batchai_plan[batchai_at]}")
}

# Starts a step. With a pipe, a process in between reports the end: ends are then seen at once and in their order, which
# \`wait -n\` of some versions of bash does not do. Both have process groups of their own, because steps signal theirs.
batchai_begin() { # index of the step
  batchai_load "$1"
  set -m
  if [[ $batchai_ends ]]; then
    (
      set -m
      ( exec {batchai_ends}<&-; batchai_run ) &
      set +m
      wait "$!"
      batchai_status=$?
      printf '%d %d\\n' "$1" "$batchai_status" >&"$batchai_ends"
      exit "$batchai_status"
    ) &
  else
    ( batchai_run ) &
  fi
  set +m
  batchai_started+=("$!")
  batchai_note "\${batchai_step[6]^} started on node \${batchai_step[0]}." "\${batchai_step[4]}"
}

batchai_ended() { # index of a step, its exit code
  batchai_load "$1"
  batchai_note "\${batchai_step[6]^} on node \${batchai_step[0]} ended with exit code $2." "\${batchai_step[4]}"
}

batchai_decide() { # index of the step whose exit code is that of the run, the exit code
  batchai_decider=$1
  batchai_code=$2
}

batchai_run_steps() { # sets batchai_code, batchai_decider and batchai_phase
  local batchai_at batchai_index batchai_status batchai_steps=() batchai_open=() batchai_servers=()
  local batchai_master=\${batchai_plan[1]}
  for (( batchai_at = 5 + batchai_plan[3]; batchai_at < \${#batchai_plan[@]}; batchai_at += 1 + batchai_plan[batchai_at] )); do
    batchai_steps+=("$batchai_at")
  done

  for (( batchai_index = 0; batchai_index < batchai_master; batchai_index++ )); do
    batchai_begin "$batchai_index"
    batchai_wait "$!"
    batchai_ended "$batchai_index" "$batchai_status"
    (( batchai_status )) || continue
    batchai_phase=preparation
    batchai_decide "$batchai_index" "$batchai_status"
    return
  done

  if (( batchai_plan[2] == 1 )); then
    batchai_begin "$batchai_master"
    batchai_wait "$!"
    batchai_decide "$batchai_master" "$batchai_status"
    batchai_ended "$batchai_master" "$batchai_code"
    return
  fi
  # In POSIX mode, some versions of bash cannot read this line. Then there is no pipe.
  [[ -o posix ]] || eval 'exec {batchai_ends}<> <(:); batchai_helper=$!'
  for (( batchai_index = batchai_master; batchai_index < \${#batchai_steps[@]}; batchai_index++ )); do
    batchai_begin "$batchai_index"
    batchai_open[batchai_index]=$!
    [[ \${batchai_step[7]} ]] && batchai_servers[batchai_index]=1
  done
  batchai_watch
  batchai_end_session
}

batchai_watch() { # until the master has ended and the others have had their time, or one process has failed
  local batchai_pause=1 batchai_since batchai_tenths batchai_next= batchai_reason batchai_others=()
  while (( \${#batchai_open[@]} )); do
    batchai_await "$batchai_pause"
    batchai_clock
    if [[ $batchai_next ]]; then
      unset "batchai_open[batchai_next]"
      batchai_ended "$batchai_next" "$batchai_status"
      if (( batchai_status )); then
        batchai_decide "$batchai_next" "$batchai_status"
        batchai_explain "\${batchai_step[6]} on node \${batchai_step[0]} failed with exit code $batchai_status" "\${!batchai_open[@]}"
        return
      fi
      if (( batchai_next == batchai_master )); then
        batchai_decide "$batchai_master" 0
        batchai_since=$batchai_tenths
      fi
    fi
    [[ $batchai_decider ]] || continue

    batchai_pause=0.1
    batchai_sort
    (( \${#batchai_others[@]} && batchai_tenths - batchai_since < batchai_plan[4] )) || break
  done
  batchai_load "$batchai_master"
  batchai_reason="\${batchai_step[6]} succeeded"
  (( \${#batchai_others[@]} )) && batchai_reason+=" $(((batchai_tenths - batchai_since) / 10)) seconds ago"
  batchai_explain "$batchai_reason" "\${!batchai_open[@]}"
}

batchai_clock() { # sets batchai_tenths: tenths of a second since the start of the machine, which wall clocks do not change
  read -r batchai_tenths _ < /proc/uptime
  batchai_tenths=$((10#\${batchai_tenths/.} / 10))
}

batchai_await() { # seconds; sets batchai_next to the index of a process that has ended, or to nothing, and batchai_status
  local batchai_index batchai_read
  read -r -t "$1" -u "$batchai_ends" batchai_next batchai_status
  batchai_read=$?
  if (( batchai_read == 0 )); then
    [[ $batchai_next =~ ^[0-9]+$ && $batchai_status =~ ^[0-9]+$ && \${batchai_open[batchai_next]} ]] || batchai_next=
    return
  fi
  (( batchai_read > 128 )) || command -p sleep 0.1 # There is no pipe.
  batchai_next=
  for batchai_index in "\${!batchai_open[@]}"; do
    kill -0 "\${batchai_open[batchai_index]}" && continue
    wait "\${batchai_open[batchai_index]}" # The process that was to report it was killed.
    batchai_status=$?
    batchai_next=$batchai_index
    return
  done
}

batchai_sort() { # sets batchai_others: the processes that have not ended, but for servers, which only serve these
  local batchai_index
  batchai_others=()
  for batchai_index in "\${!batchai_open[@]}"; do
    [[ \${batchai_servers[batchai_index]} ]] || batchai_others+=("$batchai_index")
  done
}

batchai_explain() { # reason, indexes of the processes that are stopped for it
  local batchai_reason=$1 batchai_index
  [[ -e exit.json ]] && return # The reason is another one: the service stops the run.
  shift
  for batchai_index; do
    batchai_load "$batchai_index"
    batchai_note "\${batchai_step[6]^} on node \${batchai_step[0]} is stopped, because $batchai_reason." "\${batchai_step[4]}"
  done
}

batchai_find_session() { # sets batchai_alive: every process of this session but this one
  local batchai_file batchai_stat batchai_pid
  batchai_alive=()
  for batchai_file in /proc/[0-9]*/stat; do
    batchai_stat=
    read -r -d '' batchai_stat < "$batchai_file"
    [[ $batchai_stat ]] || continue
    set -f; set -- \${batchai_stat##*) }; set +f
    batchai_pid=\${batchai_stat%% *}
    [[ $4 == "$$" && $batchai_pid != "$$" && ( $1 != [ZX] || \${18} -gt 1 ) ]] && batchai_alive+=("$batchai_pid")
  done
}

batchai_end_session() { # ends what is left
  local batchai_since batchai_tenths
  batchai_find_session
  (( \${#batchai_alive[@]} )) || return 0
  kill -TERM "\${batchai_alive[@]}"
  kill -CONT "\${batchai_alive[@]}"
  batchai_clock
  batchai_since=$batchai_tenths
  while batchai_find_session; (( \${#batchai_alive[@]} )); do
    batchai_clock
    (( batchai_tenths - batchai_since >= batchai_plan[0] )) && kill -KILL "\${batchai_alive[@]}"
    command -p sleep 0.1
  done
}

batchai_count_kills() { # sets batchai_memory if the system has killed processes of the run for lack of memory
  local batchai_event batchai_count
  while read -r batchai_event batchai_count; do
    [[ $batchai_event == oom_kill && $batchai_count != 0 ]] || continue
    batchai_memory=",\\"outOfMemory\\":{\\"limitInBytes\\":$batchai_limit}"
    batchai_note "The system killed processes of the run, because it had reached its memory limit of $((batchai_limit >> 20)) MiB." \\
      "\${batchai_plan[@]:5:batchai_plan[3]}"
  done < "$batchai_counter"
}

batchai_record() { # exit file; tries again while the disk is full, and keeps the exit file of the engine
  local batchai_try
  for (( batchai_try = 0; batchai_try < 600; batchai_try++ )); do
    [[ -e ../\${PWD##*/} ]] || exit 1 # The folder no longer exists: the run was removed.
    [[ -h exit.json || -e exit.json && ! -f exit.json ]] && exit 1 # The job has put something else there.
    [[ -s exit.json ]] && exit 0
    set -o noclobber
    printf '%s\\n' "$1" > exit.json && return
    set +o noclobber
    # The file is empty if it was created here but could not be written.
    [[ -f exit.json && ! -s exit.json ]] && printf '%s\\n' "$1" > exit.json && return
    command -p chmod u+rwx . # A job may have locked the folder.
    command -p sleep 1
  done
  exit 1
}
`;
