/**
 * Where to reach a node by SSH. Answered by `clusters.listRemoteLoginInformation` and `jobs.listRemoteLoginInformation`;
 * all of it is set by the service.
 */
export interface RemoteLoginInformation {
  /** Id of the node. */
  readonly nodeId?: string;
  /** Address of the node; several nodes may share it. */
  readonly ipAddress?: string;
  /** Port of the node's SSH server. */
  readonly port?: number;
}
