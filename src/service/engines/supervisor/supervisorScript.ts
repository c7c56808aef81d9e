/** Folder of the run directory that holds the engine's own files; removed when the run is cleaned up. */
export const engineFolder = "engine";

/** Variable by which all processes of a run are found again. */
export const runMarker = "BATCHAI_RUN_ID";

/**
 * Supervises one run, independently of the service and the launcher: if both die, the run continues and records its end.
 * Started as `bash -p -c SCRIPT batchai-supervisor RUN_DIRECTORY` in its own session.
 *
 * The script is the same for every run. The differences are in files of the engine folder, as fields that end in NUL:
 * - `settings`: grace period in tenths of a second, number of preparation steps, number of processes, execution logs
 * - `preparation.N`, `process.N`: node id, working directory, stdout, stderr, execution log, command line, NAME=VALUE
 *
 * It has the environment of the job, secrets included; `-p` makes bash ignore special variables in it (BASH_ENV,
 * exported functions). Names here begin with `batchai_` because assigning to a name that the job uses would change it
 * for the job. `command -p` finds the standard tools whatever the job's PATH is.
 */
export const supervisorScript = `
cd -- "$1/engine" || exit 1
exec 2>> supervisor.log

# The process that creates the claim owns the run; every other one gives up.
read -r -d '' batchai_stat < "/proc/$$/stat"
read -r batchai_boot < /proc/sys/kernel/random/boot_id
set -f; set -- \${batchai_stat##*) }; set +f
set -o noclobber
{ printf '%s %s %s\\n' "$$" "\${20}" "$batchai_boot" > claim; } 2> /dev/null || exit 0
set +o noclobber
exec > /dev/null # Tells the launcher that the run is claimed.

mapfile -d '' -t batchai_settings < settings
batchai_grace=\${batchai_settings[0]}
batchai_started=()

batchai_note() { # text, logs...
  local batchai_text=$1 batchai_time batchai_log
  shift
  TZ=UTC0 printf -v batchai_time '%(%Y-%m-%dT%H:%M:%SZ)T' -1
  for batchai_log; do printf '%s %s\\n' "$batchai_time" "$batchai_text" >> "$batchai_log"; done
}

batchai_note_everywhere() { batchai_note "$1" "\${batchai_settings[@]:3}"; }

batchai_begin() { # step file; sets batchai_step
  mapfile -d '' -t batchai_step < "$1"
  (
    for batchai_pair in "\${batchai_step[@]:6}"; do export "$batchai_pair"; done
    cd -- "\${batchai_step[1]}" || exit 126
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

batchai_finish() { # phase, exit code; retries while the disk is full; keeps an existing exit file
  local batchai_try
  for (( batchai_try = 0; batchai_try < 600; batchai_try++ )); do
    [[ -e claim ]] || exit 1 # The folder no longer exists: the run was removed.
    if printf '{"kind":"exited","phase":"%s","exitCode":%d}\\n' "$1" "$2" > exit.partial; then
      command -p sync exit.partial
      command -p ln exit.partial exit.json && exit 0
      [[ -e exit.json ]] && exit 0
    fi
    command -p sleep 1
  done
  exit 1
}

set -m
batchai_note_everywhere "Run started."

batchai_code=0
batchai_open=()
for (( batchai_index = 0; batchai_index < batchai_settings[1]; batchai_index++ )); do
  batchai_begin "preparation.$batchai_index"
  batchai_open[batchai_index]=$!
  batchai_note "Job preparation started on node \${batchai_step[0]}." "\${batchai_step[4]}"
done
while (( \${#batchai_open[@]} && batchai_code == 0 )); do
  for batchai_index in "\${!batchai_open[@]}"; do
    (( \${#batchai_open[@]} > 1 )) && kill -0 "\${batchai_open[batchai_index]}" 2> /dev/null && continue
    wait "\${batchai_open[batchai_index]}"
    batchai_code=$?
    unset "batchai_open[batchai_index]"
    mapfile -d '' -t batchai_step < "preparation.$batchai_index"
    batchai_note "Job preparation on node \${batchai_step[0]} ended with exit code $batchai_code." "\${batchai_step[4]}"
    (( batchai_code )) && break
  done
  (( \${#batchai_open[@]} > 1 && batchai_code == 0 )) && command -p sleep 0.1
done
if (( batchai_code )); then
  batchai_end_session
  batchai_note_everywhere "Run ended: job preparation failed with exit code $batchai_code."
  batchai_finish preparation "$batchai_code"
fi

batchai_master=
for (( batchai_index = 0; batchai_index < batchai_settings[2]; batchai_index++ )); do
  batchai_begin "process.$batchai_index"
  batchai_master=\${batchai_master:-$!}
  batchai_note "Process $batchai_index started on node \${batchai_step[0]}." "\${batchai_step[4]}"
done
[[ $batchai_master ]] && wait "$batchai_master"
batchai_code=$?
batchai_end_session
batchai_note_everywhere "Run ended with exit code $batchai_code."
batchai_finish processes "$batchai_code"
`;
