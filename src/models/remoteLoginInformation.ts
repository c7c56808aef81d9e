/**
 * SSH address of a node. Returned by `clusters.listRemoteLoginInformation` and `jobs.listRemoteLoginInformation`; all
 * properties are set by the service.
 */
export interface RemoteLoginInformation {
  /** ID of the node. */
  readonly nodeId?: string;
  /** IP address of the node; several nodes can share one address. */
  readonly ipAddress?: string;
  /** Port of the node's SSH server. */
  readonly port?: number;
}
