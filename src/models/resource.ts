/** A reference to an Azure resource. */
export interface ResourceId {
  /** ARM id of the resource: `/subscriptions/.../providers/...`. Compared without regard to case. */
  id: string;
}

/** What every resource below a workspace has. */
export interface ProxyResource {
  /** ARM id. Set by the service. */
  readonly id?: string;
  /** Name, unique among its siblings: 1 to 64 letters, digits, `-` and `_`. Set by the service from the request's path. */
  readonly name?: string;
  /** ARM type, for example `Microsoft.BatchAI/workspaces/clusters`. Set by the service. */
  readonly type?: string;
}

/** What a resource with a region of its own has; of all resources here, only workspaces do. */
export interface Resource extends ProxyResource {
  /** Azure region, for example `northeurope`. Set by the service from the create request. */
  readonly location?: string;
  /** Free labels. Set by the service from the last request that gave some; absent when none did. */
  readonly tags?: Record<string, string>;
}

/** How far the service has come with making or removing a workspace, an experiment, a cluster or a job. */
export type ProvisioningState = "creating" | "succeeded" | "failed" | "deleting" | (string & {});
