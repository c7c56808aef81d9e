import type { TokenCredential } from "@azure/core-auth";
import type { Pipeline } from "@azure/core-rest-pipeline";
import { createContext } from "./http/context.ts";
import type { ServiceContext } from "./http/context.ts";
import { isInstance, mark } from "./http/copies.ts";
import type { BatchAIManagementClientOptions, LongRunningOperationOptions } from "./http/options.ts";
import type { OperationPoller } from "./http/polling/poller.ts";
import { packageVersion } from "./http/version.ts";
import { createClusters } from "./operations/clusters.ts";
import type { Clusters } from "./operations/clusters.ts";
import { createExperiments } from "./operations/experiments.ts";
import type { Experiments } from "./operations/experiments.ts";
import { createFileServers } from "./operations/fileServers.ts";
import type { FileServers } from "./operations/fileServers.ts";
import { createJobs } from "./operations/createJobs.ts";
import type { Jobs } from "./operations/jobs.ts";
import { createOperations } from "./operations/operations.ts";
import type { Operations } from "./operations/operations.ts";
import { restoreOperation } from "./operations/restore.ts";
import type { RestoredResult } from "./operations/restore.ts";
import { createUsages } from "./operations/usages.ts";
import type { Usages } from "./operations/usages.ts";
import { createWorkspaces } from "./operations/workspaces.ts";
import type { Workspaces } from "./operations/workspaces.ts";

/**
 * Key of a client's context. Not a private property, because a bundler could then not omit an unused class. The same in
 * every copy of this package, so `restorePoller` takes a client of another copy.
 */
const contextKey = /* @__PURE__ */ Symbol.for("batchai.context");

/** `Symbol.asyncDispose`, if the TypeScript program that uses this package has it in its `lib`. */
type DisposeKey = SymbolConstructor extends { readonly asyncDispose: infer Key extends symbol } ? Key : never;

/** Closes the client at the end of a block with `await using`; see {@link BatchAIManagementClient.close}. */
export type ClosedByUsing = Readonly<Record<DisposeKey, () => Promise<void>>>;

/** Client of the Batch AI API, with one group of operations for each kind of resource. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the constructor defines the method
export class BatchAIManagementClient {
  /** Workspaces: containers for clusters, file servers and experiments. */
  readonly workspaces: Workspaces;
  /** Clusters: groups of identical nodes that run jobs. */
  readonly clusters: Clusters;
  /** Experiments: groups of jobs that belong together. */
  readonly experiments: Experiments;
  /** Jobs: training runs, or any other work. */
  readonly jobs: Jobs;
  /** File servers: NFS servers that clusters can mount. */
  readonly fileServers: FileServers;
  /** Usages: current usage of the quotas. */
  readonly usages: Usages;
  /** Operations: the operations of the resource provider. */
  readonly operations: Operations;
  /** HTTP pipeline of every request. Add your own policies here. */
  readonly pipeline: Pipeline;

  /**
   * Creates a client. Does not send a request.
   *
   * @param credential - Source of access tokens: a credential from `@azure/identity`, or `tokenCredential` from this
   * package.
   * @param subscriptionId - ID of the subscription that contains the resources.
   * @param options - Endpoint and behavior of the client. Default: the endpoint of Azure.
   * @throws TypeError if the credential has no `getToken`, if an option is not valid, or if `endpoint` is not an HTTPS URL
   * (or, if allowed, an HTTP URL on this machine) without a user, a query and a fragment.
   */
  constructor(credential: TokenCredential, subscriptionId: string, options: BatchAIManagementClientOptions = {}) {
    const context = createContext(credential, subscriptionId, options);
    Object.defineProperty(this, contextKey, { value: context });
    mark(this, "BatchAIManagementClient");
    Object.defineProperty(this, Symbol.asyncDispose, { value: () => this.close() });
    this.pipeline = context.pipeline;
    this.workspaces = createWorkspaces(context);
    this.clusters = createClusters(context);
    this.experiments = createExperiments(context);
    this.jobs = createJobs(context);
    this.fileServers = createFileServers(context);
    this.usages = createUsages(context);
    this.operations = createOperations(context);
  }

  /**
   * Closes the client. Waits for requests that are being sent, however long they take, and closes the idle connections
   * to the hosts that it used. To end requests sooner, abort their `abortSignal`. Later requests reject with a
   * `RestError` with code `ClientClosed`, also those of waits, pollers and streams that have not ended. Does not close
   * your own `agent` or `httpClient`. Never rejects.
   */
  close(): Promise<void> {
    return contextOf(this).connections.close();
  }

  /** Whether a value is a client, also one of another copy of this package. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, "BatchAIManagementClient", value);
  }
}

/** Client of the Batch AI API. Also has `Symbol.asyncDispose`; see {@link ClosedByUsing}. */
// A method of the class would not compile in programs without `esnext.disposable` in their `lib`.
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type -- see above
export interface BatchAIManagementClient extends ClosedByUsing {}

/** Returns the context of a client. Throws a `TypeError` if it is not a client of this version of this package. */
function contextOf(client: BatchAIManagementClient): ServiceContext {
  const { [contextKey]: context } = client as { [contextKey]?: ServiceContext };
  // Another version of this package may have another kind of context.
  if (context?.packageVersion === packageVersion) return context;
  throw new TypeError(`client: must be a BatchAIManagementClient of batchai ${packageVersion}`);
}

/**
 * Resumes a long-running operation that another poller started, possibly in another process. The saved state identifies
 * the operation and its result. Also resumes a poller that a network error ended.
 *
 * @typeParam T - Result of the operation: the resource for `create`, `undefined` for `delete` and `terminate`.
 * @param client - Client of the same service. A saved state from another origin is rejected.
 * @param serializedState - The string that the other poller's `serialize` returned.
 * @param options - Same options as for the method that started the operation.
 * @throws TypeError if the state does not belong to a Batch AI operation.
 */
export function restorePoller<T extends RestoredResult>(
  client: BatchAIManagementClient,
  serializedState: string,
  options: LongRunningOperationOptions = {},
): OperationPoller<T> {
  return restoreOperation<T>(contextOf(client), serializedState, options);
}
