import { assignable, readOnly } from "../supervisor/assignable.ts";
import { runMarker } from "../supervisor/supervisorScript.ts";

/**
 * The first process of a container: prepares what the supervisor needs, and becomes it. Started as
 * `bash -p -c SCRIPT batchai-supervisor FOLDER SUPERVISOR RARE LIMIT OWNER DIRECTORY...`. `LIMIT` is the memory limit in bytes,
 * or empty.
 *
 * The variables of the run are in the file `environment` of its folder, as NAME=VALUE that end in NUL, because everybody
 * who may inspect containers sees what is in their configuration. The file is emptied and removed before anything
 * else runs. An image may lack `rm`. Names to which bash cannot assign go through `env`, which shows them among its
 * arguments for a moment: the engine refuses secrets with such names.
 *
 * A container that is started again after the end of its run hands the files of root over to OWNER, `UID:GID`: neither
 * through links, nor in other file systems. Empty: nothing is handed over.
 */
export const containerScript = `
cd -- "$1" || exit 1
exec < /dev/null > /dev/null 2>&1

if [[ -e exit.json ]]; then
  [[ $5 ]] || exit 0
  command -p find "\${@:6}" -xdev -user 0 -exec chown -h -- "$5" {} +
  (( $? == 127 )) && command -p chown -hR --from=0 -- "$5" "\${@:6}"
  exit 0
fi

batchai_pairs=()
while IFS= read -r -d '' batchai_pair; do batchai_pairs+=("$batchai_pair"); done < environment || exit 1
: > environment || exit 1
command -p rm -f environment

batchai_counter= # File in which the system counts the processes that it has killed for lack of memory.
if [[ $4 ]]; then
  for batchai_file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [[ -r $batchai_file ]] && batchai_counter=$batchai_file
  done
fi
set -- batchai-supervisor "$1" "$3" "$batchai_counter" "$4" "$2"

batchai_odd=()
for batchai_pair in "\${batchai_pairs[@]}"; do
  batchai_name=\${batchai_pair%%=*}
  if [[ $batchai_name =~ ${assignable.source} && ! $batchai_name =~ ${readOnly.source} ]]; then
    export "$batchai_pair"
  else
    batchai_odd+=("$batchai_pair")
  fi
done
(( \${#batchai_odd[@]} )) && exec "$(command -pv env)" -- "\${batchai_odd[@]}" "$BASH" -p -c "$6" "\${@:1:5}"
exec "$BASH" -p -c "$6" "\${@:1:5}"
`;

/**
 * Asks all processes of a container to end, but for the first one, which cannot be signaled from within. Started in the
 * container as `bash -p -c SCRIPT RUN`. In any other process namespace, it does nothing.
 */
export const endScript = `
while IFS= read -r -d '' variable; do
  if [[ $variable == "${runMarker}=$0" ]]; then kill -TERM -1; kill -CONT -1; exit; fi
done < /proc/1/environ
`;
