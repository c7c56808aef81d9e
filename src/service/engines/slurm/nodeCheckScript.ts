/** File in the folder of a check that the service writes, with the text that a node must see. */
export const questionFile = "question";

/** File in which the node says what it has found, as fields that end in NUL. */
export const answerFile = "answer";

/** Exit code of the script if the node does not see the question. */
export const unseenExitCode = 3;

/** Variables of a node to which values of jobs may refer. All others may be private. */
const variables = [
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH"],
  ...["MANPATH", "MODULEPATH", "PYTHONPATH", "CUDA_HOME", "CUDA_PATH", "JAVA_HOME", "MPI_HOME"],
];

/**
 * The script of a check, which Slurm starts on a node as `SCRIPT FOLDER QUESTION SECONDS`: the folder that both sides see,
 * the text in the file of the question, and how long a network file system may take to show it. It writes the answer: the
 * question, the name of the host, the programs for containers, and variables as NAME=VALUE.
 */
export const nodeCheckScript = `#!/bin/bash
umask 077
for ((batchai_second = 0; ; batchai_second++)); do
  command -p ls -- "$1" > /dev/null 2>&1 # A network file system then looks again.
  { read -r batchai_seen < "$1/${questionFile}"; } 2> /dev/null
  [[ $batchai_seen == "$2" ]] && break
  ((batchai_second >= $3)) && exit ${String(unseenExitCode)}
  command -p sleep 1
done
batchai_tools=()
for batchai_tool in apptainer singularity podman; do
  type -P "$batchai_tool" > /dev/null && batchai_tools+=("$batchai_tool")
done
[[ $(srun --help 2> /dev/null) == *--container-image* ]] && batchai_tools+=(pyxis)
{
  printf '%s\\0' "$2" "$HOSTNAME" "\${batchai_tools[*]}"
  for batchai_name in ${variables.join(" ")}; do
    if [[ \${!batchai_name+set} ]]; then printf '%s=%s\\0' "$batchai_name" "\${!batchai_name}"; fi
  done
} > "$1/${answerFile}.new" && command -p mv -- "$1/${answerFile}.new" "$1/${answerFile}"
`;
