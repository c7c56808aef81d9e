import type { PyTorchSettings } from "../../models/toolkitSettings.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { singleQuoted } from "../../ground/shellQuoting.ts";
import type { LaunchText } from "../engines/engine.ts";
import { mpiLine, mpiSlots } from "./mpi.ts";
import { countIssues, mostStarted, withProcessCount } from "./processCounts.ts";
import { pythonLine, scriptIssues } from "./pythonLine.ts";
import { rankedProcesses } from "./ranks.ts";
import { isSameWord, wordIssues } from "../words.ts";
import {
  masterProcess,
  type RequestPlace,
  taskIndexVariable,
  type Toolkit,
  type ToolkitContext,
  type ToolkitProcess,
} from "./toolkit.ts";

const initMethodVariable = "AZ_BATCHAI_PYTORCH_INIT_METHOD";
const backendVariable = "AZ_BATCHAI_PYTORCH_BACKEND";

/** The rank of a process that Open MPI, or MPICH and Intel MPI, has started. */
const rankOfMpi = "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}";

/** PyTorch: one process for each rank, which find each other by an address or a file, or all of them through MPI. */
export const pyTorch: Toolkit<"pyTorchSettings"> = {
  toolType: "pytorch",
  property: "pyTorchSettings",
  variables: [taskIndexVariable, initMethodVariable, backendVariable],

  withDefaults: (settings, { nodeCount }) => withProcessCount(settings, nodeCount),

  issues: (settings, place) => [
    ...scriptIssues(settings, place.path, "PyTorch"),
    ...countIssues("processCount", settings.processCount, place, usesMpi(settings) ? {} : { perJob: mostStarted }),
    ...backendIssues(settings, place),
  ],

  processes(settings, context) {
    const { nodes } = context;
    const count = settings.processCount ?? nodes.length;
    const environment = communicationOf(settings, context);
    if (usesMpi(settings)) return mpiProcess(settings, count, nodes.length, environment);
    return rankedProcesses(pythonLine(settings), count, nodes, environment);
  },

  slotsPerNode: ({ processCount }, { nodes }) => mpiSlots(processCount, nodes.length),
};

function usesMpi({ communicationBackend }: PyTorchSettings): boolean {
  return isSameWord(communicationBackend, "MPI");
}

function backendIssues(settings: PyTorchSettings, { path, nodeCount }: RequestPlace): ValidationIssue[] {
  const { communicationBackend, processCount = nodeCount } = settings;
  const backends = ["TCP", "Gloo", "MPI"];
  const property = `${path}.communicationBackend`;
  if (communicationBackend !== undefined) return wordIssues(communicationBackend, backends, property);
  if (processCount === 1) return [];
  return [{ path: property, message: `is needed for more than one process: ${backends.join(" or ")}.` }];
}

/** Every rank gets the variables of a rank, as if the service had started it. */
function mpiProcess(
  settings: PyTorchSettings,
  count: number,
  nodeCount: number,
  environment: Readonly<Record<string, LaunchText>>,
): ToolkitProcess[] {
  const rank = `export ${taskIndexVariable}="${rankOfMpi}"`;
  const line = mpiLine(`bash -c ${singleQuoted(`${rank}; ${pythonLine(settings)}`)}`, count, nodeCount);
  return masterProcess(line).map((process) => ({ ...process, environment }));
}

/**
 * Returns the variables by which the processes find each other. Gloo meets at the master. The other backends meet at a file,
 * whose name is new for each attempt: a file of an earlier attempt would name processes that no longer exist.
 */
function communicationOf(
  { communicationBackend }: PyTorchSettings,
  { runId, sharedTemp }: ToolkitContext,
): Readonly<Record<string, LaunchText>> {
  if (communicationBackend === undefined) return {};
  const file = `file://${sharedTemp}/pytorch-${runId}`;
  return {
    [initMethodVariable]: isSameWord(communicationBackend, "Gloo") ? ["tcp://", { host: 0 }, ":", { port: 0 }] : file,
    [backendVariable]: backendName(communicationBackend),
  };
}

/** PyTorch 1.0 has removed its backend `tcp`; Gloo does the same in every version. */
function backendName(communicationBackend: string): string {
  return isSameWord(communicationBackend, "TCP") ? "gloo" : communicationBackend.toLowerCase();
}
