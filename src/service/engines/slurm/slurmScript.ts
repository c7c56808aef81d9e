import { assignable, readOnly } from "../supervisor/assignable.ts";
import { rareSupervision, runMarker, supervisorScript } from "../supervisor/supervisorScript.ts";

/** Seconds between two signs of life that the script of a run gives. */
export const heartbeatInSeconds = 20;
/** Seconds between two looks of the script for an end that the service has put on file. */
const exitLookInSeconds = 5;

/**
 * Creates a scratch directory, if it does not exist, and enters it. Other users may write to the folder that it is in, so it
 * and the folders of its node and of the service must belong to this user.
 */
const scratchFunction = `
batchai_enter() { # scratch directory
  local folder=$1 level
  command -p mkdir -p -m 755 -- "$1"
  for level in run node service; do
    [[ -d $folder && ! -h $folder && -O $folder ]] || return 1
    folder=\${folder%/*}
  done
  cd -- "$1"
}
`;

/**
 * Runs one command line on a node of a run, in the place of the shell that it is started in. Arguments: working directory,
 * standard output, standard error, command line, the key of a command line that runs once on a host, or nothing, the
 * file for the ID of its step in Slurm, or nothing, and names of variables that it must not see.
 */
const stepScript = `
${scratchFunction}
[[ $6 ]] && echo "$SLURM_STEP_ID" > "$6"
batchai_enter "$1" || exit 126
[[ -p $2 || -p $3 ]] && exit 126
exec < /dev/null >> "$2" 2>> "$3" || exit 126
(( $# > 6 )) && unset -v "\${@:7}"
if [[ -z $5 ]]; then exec -a bash "$BASH" -c -- "$4"; fi

batchai_folder=/var/tmp/batchai-$UID
command -p mkdir -m 700 "$batchai_folder" 2> /dev/null
[[ -d $batchai_folder && ! -h $batchai_folder && -O $batchai_folder ]] || {
  echo "$batchai_folder does not belong to this user, so nothing says which set-up tasks have run on this host." >&2
  exit 126
}
read -r batchai_boot < /proc/sys/kernel/random/boot_id
batchai_marker=$batchai_folder/$5-$batchai_boot
exec {batchai_lock}> "$batchai_marker.lock" || exit 126
command -p flock "$batchai_lock" || exit 126
[[ -e $batchai_marker ]] && exit 0
( exec {batchai_lock}>&-; exec -a bash "$BASH" -c -- "$4" ) || exit
: > "$batchai_marker"
`;

/**
 * Ends the processes of a run on a host, found by their marker: politely first, and by force after a grace period. Then it
 * removes the scratch directories of the run. Arguments: ID of the run, grace period in tenths of a second, a process that is
 * left alone, or nothing, and the scratch directories.
 */
const sweepScript = `
batchai_find() { # sets batchai_left
  local file pid
  batchai_left=()
  while IFS= read -r file; do
    pid=\${file#/proc/}
    pid=\${pid%/environ}
    [[ $pid == "$2" ]] || batchai_left+=("$pid")
  done < <(command -p grep -lzsx -e "${runMarker}=$0" /proc/[0-9]*/environ)
}
batchai_find "$@"
for batchai_process in "\${batchai_left[@]}"; do
  # It would end its step at once. Who waits for it passes the signal on.
  [[ $(< "/proc/$batchai_process/comm") == srun ]] || kill -TERM "$batchai_process"
  kill -CONT "$batchai_process"
done
for ((batchai_tenths = 0; \${#batchai_left[@]}; batchai_tenths++)); do
  ((batchai_tenths >= $1)) && kill -KILL "\${batchai_left[@]}"
  command -p sleep 0.1
  batchai_find "$@"
done
(($# > 2)) && command -p rm -rf --one-file-system -- "\${@:3}"
exit 0
`;

/**
 * Waits on the first node for a step on another one. Arguments: file with the ID of the step, \`scancel\`, \`setsid\`, and the
 * \`srun\` that starts the step. It passes SIGTERM on to the processes of the step. A \`srun\` that got the signal itself would
 * kill them at once, so it has a session of its own, to which the supervisor sends nothing.
 */
const farStepScript = `
trap batchai_asked=1 TERM
"\${@:3}" &
until batchai_asked=; wait "$!"; batchai_status=$?; [[ -z $batchai_asked ]]; do
  read -r batchai_id < "$1" && "$2" --signal=TERM "$SLURM_JOB_ID.$batchai_id"
done
exit "$batchai_status"
`;

/**
 * The script of a run, which Slurm starts on its first node as `SCRIPT FOLDER RUN SCRATCH NODE...`: the ID of the run, the
 * folder for scratch directories on each host, or nothing, and the IDs of the nodes. It is the same for every run. It fills
 * in what the plan leaves open ({@link fillingsOf}), lets `srun` start what belongs on other nodes, starts the supervisor in
 * a session of its own, and gives signs of life while that runs, as a file that it removes at its end. After SIGTERM, or when
 * it finds an exit file, it ends the run.
 *
 * The variables of the run are in the file `environment` of its folder, as NAME=VALUE that end in NUL, and those of the
 * set-up task alone in the file `once`. Both are removed before anything else runs. Whoever starts a second time, or after
 * the claim was withdrawn, changes nothing.
 */
export const slurmScript = `#!/bin/bash
shopt -u expand_aliases
export SLURM_EXPORT_ENV=ALL
cd -- "$1" || { echo "The folder $1 of the run cannot be seen on $HOSTNAME." >&2; exit 1; }
command -p ls > /dev/null # A network file system then knows the files that were made since it looked last.
[[ -e claim ]] && exit 0
batchai_run=$2
batchai_scratch=$3
shift 3

read -r -d '' batchai_supervisor << 'BATCHAI_END'
${supervisorScript}
BATCHAI_END
read -r -d '' batchai_rare << 'BATCHAI_END'
${rareSupervision}
BATCHAI_END
read -r -d '' batchai_step << 'BATCHAI_END'
${stepScript}
BATCHAI_END
read -r -d '' batchai_sweep << 'BATCHAI_END'
${sweepScript}
BATCHAI_END
read -r -d '' batchai_far_step << 'BATCHAI_END'
${farStepScript}
BATCHAI_END

batchai_read() { # file; sets batchai_read to its fields
  local field
  batchai_read=()
  while IFS= read -r -d '' field; do batchai_read+=("$field"); done < "$1"
}

batchai_find_hosts() { # sets batchai_names and batchai_addresses, in the order of Slurm
  local line name address
  declare -A address_of=()
  batchai_names=() batchai_addresses=()
  while read -r line; do
    [[ $line =~ (^|[[:blank:]])NodeName=([^[:blank:]]+) ]] || continue
    name=\${BASH_REMATCH[2]}
    [[ $line =~ [[:blank:]]NodeAddr=([^[:blank:]]+) ]] && address_of[$name]=\${BASH_REMATCH[1]}
  done < <(scontrol show node -o "$SLURM_JOB_NODELIST")
  while read -r name; do
    batchai_names+=("$name")
    batchai_addresses+=("\${address_of[$name]:-$name}")
  done < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
}

batchai_find_port() { # number; sets batchai_ports[number] to a port that is free on this host
  local table candidate hex
  table=$(</proc/net/tcp)$(</proc/net/tcp6)
  while [[ -z \${batchai_ports[$1]} ]]; do
    candidate=$((20000 + RANDOM % 12768))
    printf -v hex ':%04X ' "$candidate"
    [[ $table == *$hex* || " \${batchai_ports[*]} " == *" $candidate "* ]] || batchai_ports[$1]=$candidate
  done
}

batchai_fill() { # fills in the open texts of the plan and of files
  local at=0 place count index piece text
  local -a pieces
  batchai_read fillings
  pieces=("\${batchai_read[@]}")
  while ((at < \${#pieces[@]})); do
    place=\${pieces[at]} count=\${pieces[at + 1]} text=
    for ((index = at + 2; index < at + 2 + count; index++)); do
      piece=\${pieces[index]}
      case $piece in
        t*) text+=\${piece:1} ;;
        h*) text+=\${batchai_addresses[\${piece:1}]} ;;
        n*) text+=\${batchai_names[\${piece:1}]} ;;
        p*) batchai_find_port "\${piece:1}"; text+=\${batchai_ports[\${piece:1}]} ;;
      esac
    done
    ((at += 2 + count))
    if [[ $place == s* ]]; then batchai_plan[\${place:1}]=$text; continue; fi
    command -p rm -f -- "\${place:1}"
    ( set -o noclobber; printf %s "$text" > "\${place:1}" ) || return 1
  done
}

batchai_spread() { # IDs of the nodes; lets srun start the steps of other nodes
  local at position node command key file words hidden
  declare -A position_of=()
  position=0
  for node; do position_of[$node]=$((position++)); done
  for ((at = 5 + batchai_plan[3]; at < \${#batchai_plan[@]}; at += 1 + batchai_plan[at])); do
    position=\${position_of[\${batchai_plan[at + 1]}]:-0}
    key=
    hidden=()
    if [[ \${batchai_plan[at + 8]} == once:* ]]; then
      key=\${batchai_plan[at + 8]#once:}
      batchai_plan[at + 8]=
      hidden=("\${batchai_hidden[@]}")
      # In a step, its own variables come last.
      batchai_plan=("\${batchai_plan[@]:0:at + 9}" "\${batchai_once[@]}" "\${batchai_plan[@]:at + 9}")
      ((batchai_plan[at] += \${#batchai_once[@]}))
    fi
    batchai_temporary[\${batchai_plan[at + 2]}]=1
    if ((position == 0)); then (batchai_enter "\${batchai_plan[at + 2]}") || return 1; fi
    ((position > 0)) || [[ $key ]] || continue
    file=
    ((position > 0)) && file=$PWD/step.$at
    words=("$BASH" -p -c "$batchai_step" batchai-step "\${batchai_plan[@]:at+2:3}" "\${batchai_plan[at + 6]}")
    words+=("$key" "$file" "\${hidden[@]}")
    if ((position > 0)); then
      words=(
        "$BASH" -p -c "$batchai_far_step" batchai-far-step "$file" "$(type -P scancel)" "$(command -pv setsid)" "$(type -P srun)"
        --overlap --quiet --nodes=1 --ntasks=1 --nodelist="\${batchai_names[position]}" --input=none --chdir=/
        \${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} "\${words[@]}"
      )
    fi
    printf -v command ' %q' "\${words[@]}"
    batchai_plan[at + 6]="exec$command"
    batchai_plan[at + 2]=$PWD
    batchai_plan[at + 3]=/dev/null
    batchai_plan[at + 4]=\${batchai_plan[at + 5]}
  done
}

batchai_beat() { # gives signs of life, and ends the run when it has an end, also if the controller of Slurm has forgotten the job
  local beat=0
  while kill -0 "$$"; do
    (( beat++ % ${String(heartbeatInSeconds / exitLookInSeconds)} )) || : > heartbeat
    [[ -e exit.json ]] && kill -TERM "$$"
    read -r -t ${String(exitLookInSeconds)} -u "$batchai_never"
  done 2> /dev/null
}

batchai_become() { # the supervisor, with the variables of the run
  local batchai_pair batchai_name batchai_odd=()
  local batchai_command=("$BASH" -p -c "$batchai_supervisor" batchai-supervisor "$PWD" "$batchai_rare" /dev/null 0 "$batchai_filled")
  local batchai_session=$(command -pv setsid) batchai_env=$(command -pv env)
  for batchai_pair in "\${batchai_variables[@]}"; do
    batchai_name=\${batchai_pair%%=*}
    if [[ $batchai_name =~ ${assignable.source} && ! $batchai_name =~ ${readOnly.source} ]]; then
      export "$batchai_pair"
    else
      batchai_odd+=("$batchai_pair")
    fi
  done
  exec < /dev/null > /dev/null 2>&1
  (( \${#batchai_odd[@]} )) && exec "$batchai_session" "$batchai_env" -- "\${batchai_odd[@]}" "\${batchai_command[@]}"
  exec "$batchai_session" "\${batchai_command[@]}"
}

${scratchFunction}
trap batchai_asked=1 TERM
batchai_read environment
batchai_variables=("\${batchai_read[@]}")
: > environment
batchai_hidden=()
for batchai_variable in "\${batchai_variables[@]}"; do batchai_hidden+=("\${batchai_variable%%=*}"); done
batchai_once=()
if [[ -s once ]]; then
  batchai_read once
  batchai_once=("\${batchai_read[@]}")
  : > once
fi
command -p rm -f environment once
batchai_read plan
batchai_plan=("\${batchai_read[@]}")
batchai_ports=()
declare -A batchai_temporary=()
batchai_names=() batchai_addresses=()
batchai_find_hosts
printf '%s\\n' "\${batchai_names[@]}" > hosts
batchai_fill || exit 1
batchai_spread "$@" || { echo "The scratch directory of the run cannot be created on $HOSTNAME." >&2; exit 1; }
batchai_filled=plan.$SLURM_JOB_ID
printf '%s\\0' "\${batchai_plan[@]}" > "$batchai_filled" || exit 1

exec {batchai_never}<> <(:)
batchai_beat &
batchai_heart=$!
batchai_become &
batchai_child=$!
while kill -0 "$batchai_child" 2> /dev/null; do
  wait "$batchai_child"
  # The service wants the run to end. The supervisor ends when the steps have ended.
  [[ $batchai_asked ]] && batchai_asked= && "$BASH" -p -c "$batchai_sweep" "$batchai_run" "\${batchai_plan[0]}" "$batchai_child"
done
batchai_command=("$BASH" -p -c "$batchai_sweep" "$batchai_run" "\${batchai_plan[0]}" "")
[[ $batchai_scratch ]] && batchai_command+=("\${!batchai_temporary[@]}")
if (($# > 1)); then
  srun --overlap --quiet --ntasks="$#" --ntasks-per-node=1 --input=none --chdir=/ "\${batchai_command[@]}"
else
  "\${batchai_command[@]}"
fi
kill "$batchai_heart"
wait "$batchai_heart"
echo ended > heartbeat
exit 0
`;
