import type { TokenCredential } from "@azure/core-auth";
import type { Pipeline } from "@azure/core-rest-pipeline";
import { createContext } from "./http/context.ts";
import type { ServiceContext } from "./http/context.ts";
import type { BatchAIManagementClientOptions, LongRunningOperationOptions } from "./http/options.ts";
import type { OperationPoller } from "./http/poller.ts";
import { createClusters } from "./operations/clusters.ts";
import type { Clusters } from "./operations/clusters.ts";
import { createExperiments } from "./operations/experiments.ts";
import type { Experiments } from "./operations/experiments.ts";
import { createFileServers } from "./operations/fileServers.ts";
import type { FileServers } from "./operations/fileServers.ts";
import { createJobs } from "./operations/jobs.ts";
import type { Jobs } from "./operations/jobs.ts";
import { createOperations } from "./operations/operations.ts";
import type { Operations } from "./operations/operations.ts";
import { restoreOperation } from "./operations/restore.ts";
import type { RestoredResult } from "./operations/restore.ts";
import { createUsages } from "./operations/usages.ts";
import type { Usages } from "./operations/usages.ts";
import { createWorkspaces } from "./operations/workspaces.ts";
import type { Workspaces } from "./operations/workspaces.ts";

/** What the clients work with. Not a private property, so that a bundler may leave the class out. */
const contexts = new WeakMap<BatchAIManagementClient, ServiceContext>();

/** The client of Batch AI, with one group of operations for each kind of resource. */
export class BatchAIManagementClient {
  /** Workspaces: the containers of clusters, file servers and experiments. */
  readonly workspaces: Workspaces;
  /** Clusters: groups of equal nodes on which jobs run. */
  readonly clusters: Clusters;
  /** Experiments: groups of jobs that belong together. */
  readonly experiments: Experiments;
  /** Jobs: training runs, or any other pieces of work. */
  readonly jobs: Jobs;
  /** File servers: NFS servers for clusters to mount. */
  readonly fileServers: FileServers;
  /** Usages: how much of the quotas is in use. */
  readonly usages: Usages;
  /** Operations: what the resource provider can do. */
  readonly operations: Operations;
  /** What every request passes through; add policies of your own here. */
  readonly pipeline: Pipeline;

  /**
   * Makes a client; nothing is sent yet.
   *
   * @param credential - Where tokens come from: one of `@azure/identity`, or `tokenCredential` of this package.
   * @param subscriptionId - The subscription whose resources are meant.
   * @param options - How to reach the service; default: Azure's own address.
   * @throws TypeError when the endpoint is no URL, or when a token would go over plain HTTP.
   */
  constructor(credential: TokenCredential, subscriptionId: string, options: BatchAIManagementClientOptions = {}) {
    const context = createContext(credential, subscriptionId, options);
    contexts.set(this, context);
    this.pipeline = context.pipeline;
    this.workspaces = createWorkspaces(context);
    this.clusters = createClusters(context);
    this.experiments = createExperiments(context);
    this.jobs = createJobs(context);
    this.fileServers = createFileServers(context);
    this.usages = createUsages(context);
    this.operations = createOperations(context);
  }
}

/**
 * Goes on with a long-running operation that another poller began, perhaps in another process: which operation it was,
 * and what it ends with, is read from the state. A poller that was interrupted by the network can go on in this way too.
 *
 * @typeParam T - What the operation ends with: the resource for `create`, `undefined` for `delete` and `terminate`.
 * @param client - A client of the same service; another origin is refused.
 * @param serializedState - What the other poller's `serialize` answered.
 * @param options - As for the method that began the operation.
 * @throws TypeError when the state is not one of a Batch AI operation.
 */
export function restorePoller<T extends RestoredResult>(
  client: BatchAIManagementClient,
  serializedState: string,
  options: LongRunningOperationOptions = {},
): OperationPoller<T> {
  const context = contexts.get(client);
  if (context === undefined) throw new TypeError("client: must be a BatchAIManagementClient of this package");
  return restoreOperation<T>(context, serializedState, options);
}
