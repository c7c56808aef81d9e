/*
 * Scripts that put the supervisor of a run into its control group. The supervisor has the environment of the job, so names
 * here begin with `batchai_`. Standard error is a pipe to the launcher until the supervisor starts.
 */

/**
 * Enters control groups. Started as `bash -p -c SCRIPT batchai-limits COUNTER LIMIT FILE... -- COMMAND...`: the files are
 * the `cgroup.procs` of the groups.
 */
export const enterGroups = `
batchai_memory=("$1" "$2")
shift 2
while [[ $1 != -- ]]; do
  printf '%s\\n' "$$" >> "$1" || exit 1
  shift
done
shift
exec "$@" "\${batchai_memory[@]}" 2> /dev/null
`;

/** Prefix of the variables of a job that programs of systemd would read. */
export const heldBack = "batchai_held_";

/**
 * Gives the job its variables back. Started by systemd-run in the scope of the run as
 * `bash -p -c SCRIPT batchai-limits MOUNT LIMIT NAME... -- COMMAND...`: the hierarchy of control groups is mounted at MOUNT,
 * and the names are variables that the job does not get.
 */
export const enterScope = `
batchai_memory=("" "$2")
if [[ $2 ]]; then
  while IFS= read -r batchai_line; do
    [[ $batchai_line == 0::* ]] && batchai_memory[0]=$1\${batchai_line#0::}/memory.events
  done < /proc/self/cgroup
fi
shift 2
while [[ $1 != -- ]]; do
  unset "$1"
  shift
done
shift
for batchai_name in "\${!${heldBack}@}"; do
  export "\${batchai_name#${heldBack}}=\${!batchai_name}"
  unset "$batchai_name"
done
exec "$@" "\${batchai_memory[@]}" 2> /dev/null
`;

/** Prints the limits of its own control group. Started as `bash -p -c SCRIPT batchai-limits MOUNT`. */
export const printLimits = `
while IFS= read -r batchai_line; do
  [[ $batchai_line == 0::* ]] && cd -- "$1\${batchai_line#0::}"
done < /proc/self/cgroup
read -r batchai_memory < memory.max
read -r batchai_cores < cpu.max
printf '%s\\n' "$batchai_memory" "$batchai_cores"
`;
