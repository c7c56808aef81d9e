import type { TensorFlowSettings } from "../../models/toolkitSettings.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { countIssues, mostStarted, nodeOf } from "./processCounts.ts";
import { pythonLine, scriptIssues } from "./pythonLine.ts";
import { notAllowed } from "./settingsIssues.ts";
import { type ClusterTask, clusterVariables, variablesOfTask } from "./tensorFlowCluster.ts";
import {
  type RequestPlace,
  soleProcess,
  taskIndexVariable,
  type Toolkit,
  type ToolkitNode,
  type ToolkitProcess,
} from "./toolkit.ts";

/** TensorFlow: one process, or workers and parameter servers on all nodes. Worker 0 is the master. */
export const tensorFlow: Toolkit<"tensorFlowSettings"> = {
  toolType: "tensorflow",
  property: "tensorFlowSettings",
  variables: [taskIndexVariable, ...clusterVariables],

  withDefaults: (settings, { nodeCount }) =>
    isDistributed(settings, nodeCount) ? { ...settings, ...countsOf(settings, nodeCount) } : settings,

  issues: (settings, place) => [
    ...scriptIssues(settings, place.path, "TensorFlow"),
    ...(isDistributed(settings, place.nodeCount) ? clusterIssues : singleIssues)(settings, place),
  ],

  processes(settings, { job, nodes }) {
    const { nodeCount = nodes.length } = job;
    return isDistributed(settings, nodeCount) ? distributed(settings, nodeCount, nodes) : [single(settings)];
  },

  slotsPerNode: () => 1,
};

/** Most parameter servers of a job: a cluster has no more nodes, and each node runs at most one. */
const mostServers = 100;

/** Whether the processes are a cluster of TensorFlow. */
function isDistributed({ workerCount = 1, parameterServerCount = 0 }: TensorFlowSettings, nodeCount: number): boolean {
  return nodeCount > 1 || workerCount > 1 || parameterServerCount > 0;
}

function countsOf({ workerCount, parameterServerCount }: TensorFlowSettings, nodeCount: number) {
  return { workerCount: workerCount ?? nodeCount, parameterServerCount: parameterServerCount ?? 1 };
}

function single(settings: TensorFlowSettings): ToolkitProcess {
  const { masterCommandLineArgs } = settings;
  return {
    name: soleProcess,
    node: 0,
    commandLine: pythonLine(settings, masterCommandLineArgs),
    environment: { [taskIndexVariable]: "0" },
    outputSuffix: "-wk-0",
  };
}

function distributed(settings: TensorFlowSettings, nodeCount: number, nodes: readonly ToolkitNode[]): ToolkitProcess[] {
  const { workerCount, parameterServerCount } = countsOf(settings, nodeCount);
  const { masterCommandLineArgs, workerCommandLineArgs, parameterServerCommandLineArgs } = settings;
  // Servers have the first ports, as in the original service.
  const servers = tasks("ps", parameterServerCount, 0, nodes);
  const workers = tasks("worker", workerCount, parameterServerCount, nodes);
  const variables = variablesOfTask(servers, workers);
  const process = (task: ClusterTask, args: string | undefined) => ({
    node: task.node,
    commandLine: pythonLine(settings, args),
    environment: { ...variables(task), [taskIndexVariable]: String(task.index) },
  });
  return [
    ...workers.map((task) => ({
      ...process(task, task.index === 0 ? masterCommandLineArgs : workerCommandLineArgs),
      name: workers.length + servers.length === 1 ? soleProcess : `worker ${String(task.index)}`,
      outputSuffix: `-wk-${String(task.index)}`,
    })),
    ...servers.map((task) => ({
      ...process(task, parameterServerCommandLineArgs),
      name: `parameter server ${String(task.index)}`,
      isServer: true as const,
      outputSuffix: `-ps-${String(task.index)}`,
    })),
  ];
}

function tasks(
  type: ClusterTask["type"],
  count: number,
  firstPort: number,
  nodes: readonly ToolkitNode[],
): ClusterTask[] {
  return Array.from({ length: count }, (_, index) => ({
    type,
    index,
    node: nodeOf(index, count, nodes),
    port: firstPort + index,
  }));
}

function clusterIssues(settings: TensorFlowSettings, place: RequestPlace): ValidationIssue[] {
  const { path } = place;
  const { workerCount, parameterServerCount } = countsOf(settings, place.nodeCount);
  const { parameterServerCommandLineArgs } = settings;
  const noMaster = {
    path: `${path}.workerCount`,
    message: "must be at least 1, because worker 0 is the master, got 0",
  };
  const serverLimits = { perNode: 1, perJob: mostServers };
  return [
    ...(workerCount === 0 ? [noMaster] : []),
    ...countIssues("workerCount", workerCount, place, { perJob: mostStarted - mostServers }),
    ...countIssues("parameterServerCount", parameterServerCount, place, serverLimits),
    ...(parameterServerCount > 0
      ? []
      : notAllowed({ parameterServerCommandLineArgs }, path, "if parameterServerCount is 0")),
  ];
}

function singleIssues(settings: TensorFlowSettings, { path }: RequestPlace): ValidationIssue[] {
  const { workerCommandLineArgs, parameterServerCommandLineArgs } = settings;
  const reason =
    "because the job has one process, which gets masterCommandLineArgs. " +
    "For several processes, set parameterServerCount, workerCount or nodeCount.";
  return notAllowed({ workerCommandLineArgs, parameterServerCommandLineArgs }, path, reason);
}
