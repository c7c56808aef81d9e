/** Variable by which all processes of a run are found again. */
export const runMarker = "BATCHAI_RUN_ID";

/** Exit code of a supervisor that has run nothing: another one has the run, or the machine lacks something. */
export const ranNothing = 3;

/**
 * Supervises one run, independently of the service and the launcher: if both die, the run continues and records its end.
 * Started as `bash -p -c SCRIPT batchai-supervisor FOLDER` in its own session.
 *
 * The script is the same for every run. The differences are in the file `plan` of the run's folder, as fields that end in
 * NUL: grace period in tenths of a second, number of preparation steps, number of processes, number of execution logs, the
 * logs, and for each step the number of its fields and then node ID, working directory, stdout, stderr, execution log,
 * command line, NAME=VALUE...
 *
 * It has the environment of the job, secrets included; `-p` makes bash ignore special variables in it (BASH_ENV,
 * exported functions). Names here begin with `batchai_` because assigning to a name that the job uses would change it
 * for the job. `command -p` finds the standard tools whatever the job's PATH is. A new process costs as much as all the
 * rest together, so a run of one command needs none but that command.
 */
export const supervisorScript = `
cd -- "$1" || exit 1

# The process that creates the claim owns the run; every other one gives up.
read -r -d '' batchai_stat < "/proc/$$/stat"
read -r batchai_boot < /proc/sys/kernel/random/boot_id
set -f; set -- \${batchai_stat##*) }; set +f
set -o noclobber
{ printf '%s %s %s\\n' "$$" "\${20}" "$batchai_boot" > claim; } 2> /dev/null || exit ${ranNothing}
set +o noclobber

mapfile -d '' -t batchai_plan < plan
batchai_grace=\${batchai_plan[0]}
batchai_logs=("\${batchai_plan[@]:4:batchai_plan[3]}")
batchai_steps=() # Positions of the steps in the plan.
for (( batchai_at = 4 + batchai_plan[3]; batchai_at < \${#batchai_plan[@]}; batchai_at += 1 + batchai_plan[batchai_at] )); do
  batchai_steps+=("$batchai_at")
done
batchai_started=()

batchai_note() { # text, logs...
  local batchai_text=$1 batchai_time batchai_log
  shift
  TZ=UTC0 printf -v batchai_time '%(%Y-%m-%dT%H:%M:%SZ)T' -1
  for batchai_log; do
    [[ -p $batchai_log ]] && continue # A job has put a pipe there, which nobody may read.
    printf '%s %s\\n' "$batchai_time" "$batchai_text" >> "$batchai_log"
  done
}

batchai_step() { # number of the step; sets batchai_step
  local batchai_at=\${batchai_steps[$1]}
  batchai_step=("\${batchai_plan[@]:batchai_at+1:batchai_plan[batchai_at]}")
}

batchai_begin() { # number of the step; sets batchai_step
  batchai_step "$1"
  (
    for batchai_pair in "\${batchai_step[@]:6}"; do export "$batchai_pair"; done
    cd -- "\${batchai_step[1]}" || exit 126
    [[ -p \${batchai_step[2]} || -p \${batchai_step[3]} ]] && exit 126
    exec < /dev/null >> "\${batchai_step[2]}" 2>> "\${batchai_step[3]}" || exit 126
    exec -a bash "$BASH" -c -- "\${batchai_step[5]}"
  ) &
  batchai_started+=("$!")
}

batchai_find_session() { # sets batchai_alive: every process of this session but this one
  local batchai_file
  batchai_alive=()
  for batchai_file in /proc/[0-9]*/stat; do
    { read -r -d '' batchai_stat < "$batchai_file"; } 2> /dev/null
    [[ $batchai_stat ]] || continue
    set -f; set -- \${batchai_stat##*) }; set +f
    batchai_pid=\${batchai_stat%% *}
    [[ $4 == "$$" && $batchai_pid != "$$" && $1 != [ZX] ]] && batchai_alive+=("$batchai_pid")
    batchai_stat=
  done
}

batchai_end_session() { # ends what is left; looks closely only if a process group seems to be left
  local batchai_group batchai_left= batchai_tenths=0
  for batchai_group in "\${batchai_started[@]}"; do
    kill -0 -- "-$batchai_group" 2> /dev/null && batchai_left=yes
  done
  [[ $batchai_left ]] || return 0
  batchai_find_session
  (( \${#batchai_alive[@]} )) || return 0
  kill -TERM "\${batchai_alive[@]}" 2> /dev/null
  kill -CONT "\${batchai_alive[@]}" 2> /dev/null
  while batchai_find_session; (( \${#batchai_alive[@]} )); do
    (( batchai_tenths++ >= batchai_grace )) && kill -KILL "\${batchai_alive[@]}" 2> /dev/null
    command -p sleep 0.1
  done
}

batchai_finish() { # exit file; tries again while the disk is full, and keeps the exit file of the engine
  local batchai_try
  trap - EXIT
  for (( batchai_try = 0; batchai_try < 600; batchai_try++ )); do
    [[ -e ../\${PWD##*/} ]] || exit 1 # The folder no longer exists: the run was removed.
    [[ -h exit.json || -e exit.json && ! -f exit.json ]] && exit 1 # The job has put something else there.
    set -o noclobber
    { printf '%s\\n' "$1" > exit.json; } 2> /dev/null && break
    set +o noclobber
    [[ -s exit.json ]] && exit 0
    # The file is empty if it was created here but could not be written.
    [[ -e exit.json ]] && printf '%s\\n' "$1" > exit.json && break
    command -p sleep 1
  done
  # A launcher has the engine make the file durable. Without one, the service may come only after a power failure.
  kill -0 "$PPID" 2> /dev/null || command -p sync exit.json .
  exit 0
}

batchai_ended() { # phase, exit code
  batchai_finish "{\\"kind\\":\\"exited\\",\\"phase\\":\\"$1\\",\\"exitCode\\":$2}"
}

# bash exits if it cannot start a process. Then nothing has run, unless it was not the first one.
trap '(( \${#batchai_started[@]} )) || batchai_finish "{\\"kind\\":\\"notStarted\\"}"' EXIT

set -m
batchai_note "Run started." "\${batchai_logs[@]}"

batchai_code=0
batchai_open=()
for (( batchai_index = 0; batchai_index < batchai_plan[1]; batchai_index++ )); do
  batchai_begin "$batchai_index"
  batchai_open[batchai_index]=$!
  batchai_note "Job preparation started on node \${batchai_step[0]}." "\${batchai_step[4]}"
done
while (( \${#batchai_open[@]} && batchai_code == 0 )); do
  for batchai_index in "\${!batchai_open[@]}"; do
    (( \${#batchai_open[@]} > 1 )) && kill -0 "\${batchai_open[batchai_index]}" 2> /dev/null && continue
    wait "\${batchai_open[batchai_index]}"
    batchai_code=$?
    unset "batchai_open[batchai_index]"
    batchai_step "$batchai_index"
    batchai_note "Job preparation on node \${batchai_step[0]} ended with exit code $batchai_code." "\${batchai_step[4]}"
    (( batchai_code )) && break
  done
  (( \${#batchai_open[@]} > 1 && batchai_code == 0 )) && command -p sleep 0.1
done
if (( batchai_code )); then
  batchai_end_session
  batchai_note "Run ended: job preparation failed with exit code $batchai_code." "\${batchai_logs[@]}"
  batchai_ended preparation "$batchai_code"
fi

batchai_master=
for (( batchai_index = 0; batchai_index < batchai_plan[2]; batchai_index++ )); do
  batchai_begin "$((batchai_plan[1] + batchai_index))"
  batchai_master=\${batchai_master:-$!}
  batchai_note "Process $batchai_index started on node \${batchai_step[0]}." "\${batchai_step[4]}"
done
[[ $batchai_master ]] && wait "$batchai_master"
batchai_code=$?
batchai_end_session
batchai_note "Run ended with exit code $batchai_code." "\${batchai_logs[@]}"
batchai_ended processes "$batchai_code"
`;
