/**
 * A reference to an Azure resource: any object that has the ID, for example the resource itself. Requests contain only
 * the ID.
 *
 * @example
 * ```ts
 * const cluster = await client.clusters.get("mygroup", "myworkspace", "mycluster");
 * const parameters = { cluster, nodeCount: 1, stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs" };
 * await client.jobs.create("mygroup", "myworkspace", "myexperiment", "myjob", parameters);
 * ```
 */
export interface ResourceId {
  /** ARM ID of the resource: `/subscriptions/.../providers/...`. Not case-sensitive. */
  id: string;
}

/** Properties of every resource in a workspace. */
export interface ProxyResource {
  /** ARM ID of the resource. Set by the service. */
  readonly id: string;
  /**
   * Name of the resource, unique in its parent: 1 to 64 letters, digits, `-` and `_`. Set by the service from the path
   * of the request.
   */
  readonly name: string;
  /** ARM type of the resource, for example `Microsoft.BatchAI/workspaces/clusters`. Set by the service. */
  readonly type: string;
}

/** Properties of a resource that has its own region: only workspaces have one. */
export interface Resource extends ProxyResource {
  /** Azure region, for example `northeurope`. Set by the service from the create request. */
  readonly location?: string;
  /** Labels, name to value. Set by the service from the last request that contained tags; absent if none did. */
  readonly tags?: Record<string, string>;
}

/** Progress of the creation or deletion of a workspace, an experiment, a cluster or a job. */
export type ProvisioningState = "creating" | "succeeded" | "failed" | "deleting" | (string & {});
