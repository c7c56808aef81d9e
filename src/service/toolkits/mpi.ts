import { countIssues, withProcessCount } from "./processCounts.ts";
import { pythonLine, type PythonSettings, scriptIssues } from "./pythonLine.ts";
import { masterProcess, type Toolkit } from "./toolkit.ts";

/**
 * Returns a line with which MPI starts `processCount` processes, evenly on the nodes of the job. The processes of a node
 * have consecutive ranks. The line finds out when it runs whether `mpirun` is that of Open MPI or that of MPICH and Intel
 * MPI, which understands neither the options nor the host file of Open MPI.
 */
export function mpiLine(line: string, processCount: number, nodeCount: number): string {
  const ofMpich = `-hosts "$AZ_BATCH_HOST_LIST" -ppn ${String(mpiSlots(processCount, nodeCount))}`;
  const choice = `case "$(mpirun --version 2>&1)" in *"Open MPI"*) set -- ${openMpi} ;; *) set -- ${ofMpich} ;; esac`;
  return `${choice}; mpirun "$@" -n ${String(processCount)} ${line}`;
}

/**
 * Options of Open MPI. It binds the ranks of every `mpirun` to the same first cores unless it is told not to: two jobs on
 * one machine would share these cores and leave the others idle. The variables in `launch/serviceVariables.ts` say the same
 * to an `mpirun` in the user's own command line, which these options do not reach. A job can set those variables otherwise
 * without harm to a line of the service.
 */
const openMpi =
  '--allow-run-as-root --hostfile "$AZ_BATCHAI_MPI_HOST_FILE" ' +
  "--map-by node --rank-by slot --oversubscribe --bind-to none";

/** Returns a line with which MPI starts several processes; a single process needs no MPI. */
export function mpiLineForSeveral(line: string, processCount: number, nodeCount: number): string {
  return processCount > 1 ? mpiLine(line, processCount, nodeCount) : line;
}

/** Returns the number of MPI processes on the node that has most of them. */
export function mpiSlots(processCount: number | undefined, nodeCount: number): number {
  return Math.ceil((processCount ?? nodeCount) / nodeCount);
}

/** Settings of a toolkit whose script always runs under MPI. */
interface MpiScriptSettings extends PythonSettings {
  processCount?: number;
}

/** Returns the toolkit of a library that is MPI itself, as Chainer and Horovod: also a single process is started by MPI. */
export function mpiScriptToolkit(
  job: string,
): Pick<
  Toolkit<"chainerSettings" | "horovodSettings">,
  "variables" | "withDefaults" | "issues" | "processes" | "slotsPerNode"
> {
  return {
    variables: [],
    withDefaults: (settings, { nodeCount }) => withProcessCount(settings, nodeCount),
    issues: (settings: MpiScriptSettings, place) => [
      ...scriptIssues(settings, place.path, job),
      ...countIssues("processCount", settings.processCount, place),
    ],
    processes: (settings, { nodes }) =>
      masterProcess(mpiLine(pythonLine(settings), settings.processCount ?? nodes.length, nodes.length)),
    slotsPerNode: ({ processCount }, { nodes }) => mpiSlots(processCount, nodes.length),
  };
}
