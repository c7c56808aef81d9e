import type { ProvisioningState, Resource } from "./resource.ts";

/** A container for clusters, file servers and experiments, in one region. Returned by `workspaces.get`. */
export interface Workspace extends Resource {
  /** Creation time. Set by the service. */
  readonly creationTime?: Date;
  /** Progress of the creation or deletion. Set by the service. */
  readonly provisioningState?: ProvisioningState;
  /** Time of the last change of {@link Workspace.provisioningState}. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
}

/** Parameters of `workspaces.create`. */
export interface WorkspaceCreateParameters {
  /** Azure region of the workspace and everything in it, for example `northeurope`. */
  location: string;
  /** Labels, name to value. Default: none. */
  tags?: Record<string, string>;
}

/** Parameters of `workspaces.update`. */
export interface WorkspaceUpdateParameters {
  /** Labels, which replace all current labels. Absent: the labels are kept. */
  tags?: Record<string, string>;
}
