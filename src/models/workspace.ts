import type { ProvisioningState, Resource } from "./resource.ts";

/** The container of clusters, file servers and experiments, in one region. Answered by `workspaces.get`. */
export interface Workspace extends Resource {
  /** When it was created. Set by the service. */
  readonly creationTime?: Date;
  /** How far its creation or deletion has come. Set by the service. */
  readonly provisioningState?: ProvisioningState;
  /** When {@link Workspace.provisioningState} last changed. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
}

/** What `workspaces.create` wants to know. */
export interface WorkspaceCreateParameters {
  /** Azure region in which the workspace and everything in it lives, for example `northeurope`. */
  location: string;
  /** Free labels, name to value. Default: none. */
  tags?: Record<string, string>;
}

/** What `workspaces.update` can change. */
export interface WorkspaceUpdateParameters {
  /** Labels that take the place of all present ones. Absent: the labels stay. */
  tags?: Record<string, string>;
}
