import type { LaunchSegment, LaunchText } from "../engines/engine.ts";

const serversVariable = "AZ_BATCHAI_PS_HOSTS";
const workersVariable = "AZ_BATCHAI_WORKER_HOSTS";
const configVariable = "TF_CONFIG";

/** Variables that describe a cluster of TensorFlow to its processes. */
export const clusterVariables: readonly string[] = [serversVariable, workersVariable, configVariable];

/** A process of a cluster of TensorFlow. */
export interface ClusterTask {
  readonly type: "ps" | "worker";
  readonly index: number;
  /** Position of its node among the nodes of the job. */
  readonly node: number;
  /** Number of its port among the ports of the job. */
  readonly port: number;
}

/** Returns a function that returns the variables of a task of this cluster. */
export function variablesOfTask(
  servers: readonly ClusterTask[],
  workers: readonly ClusterTask[],
): (task: ClusterTask) => Record<string, LaunchText> {
  const hosts = { [serversVariable]: addresses(servers, ","), [workersVariable]: addresses(workers, ",") };
  const ofServers = servers.length === 0 ? [] : ['"ps":["', ...addresses(servers, '","'), '"],'];
  const cluster = ['{"cluster":{', ...ofServers, '"worker":["', ...addresses(workers, '","'), '"]},"task":'];
  return ({ type, index }) => ({
    ...hosts,
    [configVariable]: [...cluster, `${JSON.stringify({ type, index })},"environment":"cloud"}`],
  });
}

/** Returns `HOST:PORT` of every task. */
function addresses(tasks: readonly ClusterTask[], separator: string): LaunchSegment[] {
  return tasks.flatMap(({ node, port }, index) => [index === 0 ? "" : separator, { host: node }, ":", { port }]);
}
