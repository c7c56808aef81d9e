import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { OperationPoller } from "../http/poller.ts";
import type { Cluster, ClusterCreateParameters, ClusterUpdateParameters } from "../models/cluster.ts";
import type { RemoteLoginInformation } from "../models/remoteLoginInformation.ts";
import { cluster, clusterCreateParameters, clusterUpdateParameters } from "../wire/cluster.ts";
import { remoteLoginInformation } from "../wire/remoteLoginInformation.ts";
import { createResource, deleteResource, getResource, list, listByPost, outgoing, updateResource } from "./calls.ts";
import { listQuery } from "./listOptions.ts";
import type { ListOptions } from "./listOptions.ts";
import { paths } from "./paths.ts";
import { waitForNodes } from "./waitForNodes.ts";
import type { ClustersWaitForNodesOptions } from "./waitForNodes.ts";
import type { Look } from "./waiting.ts";

/** Options of {@link Clusters.create}. */
export type ClustersCreateOptions = LongRunningOperationOptions;

/** Options of {@link Clusters.update}. */
export type ClustersUpdateOptions = OperationOptions;

/** Options of {@link Clusters.delete}. */
export type ClustersDeleteOptions = LongRunningOperationOptions;

/** Options of {@link Clusters.get}. */
export type ClustersGetOptions = OperationOptions;

/** Options of {@link Clusters.listRemoteLoginInformation}. */
export type ClustersListRemoteLoginInformationOptions = OperationOptions;

/** Options of {@link Clusters.listByWorkspace}. */
export type ClustersListByWorkspaceOptions = ListOptions;

/** Clusters: groups of equal nodes on which jobs run. */
export interface Clusters {
  /**
   * Creates a cluster; one that exists with the same properties stays as it is, and other ones are refused with
   * `Conflict`. The operation ends when the service has accepted it: see `allocationState` and `nodeStateCounts` for its
   * nodes. Rejects with a `ValidationError` for wrong arguments, and with a `RestError` such as `WorkspaceNotFound` or
   * `ClusterQuotaReached`. REST operation: `Clusters_Create`.
   */
  create(
    resourceGroupName: string,
    workspaceName: string,
    clusterName: string,
    parameters: ClusterCreateParameters,
    options?: ClustersCreateOptions,
  ): OperationPoller<Cluster>;
  /**
   * Changes how many nodes a cluster has. Rejects with a `RestError` such as `ClusterNotFound`. REST operation:
   * `Clusters_Update`.
   */
  update(
    resourceGroupName: string,
    workspaceName: string,
    clusterName: string,
    parameters: ClusterUpdateParameters,
    options?: ClustersUpdateOptions,
  ): Promise<Cluster>;
  /**
   * Deletes a cluster; finished jobs stay. One that does not exist is no error. Rejects with a `RestError` when the
   * service refuses. REST operation: `Clusters_Delete`.
   */
  delete(
    resourceGroupName: string,
    workspaceName: string,
    clusterName: string,
    options?: ClustersDeleteOptions,
  ): OperationPoller<void>;
  /** Gets a cluster. Rejects with a `RestError` such as `ClusterNotFound`. REST operation: `Clusters_Get`. */
  get(
    resourceGroupName: string,
    workspaceName: string,
    clusterName: string,
    options?: ClustersGetOptions,
  ): Promise<Cluster>;
  /**
   * Lists where the nodes of a cluster can be reached by SSH. Rejects with a `RestError` such as `ClusterNotFound`.
   * REST operation: `Clusters_ListRemoteLoginInformation`.
   */
  listRemoteLoginInformation(
    resourceGroupName: string,
    workspaceName: string,
    clusterName: string,
    options?: ClustersListRemoteLoginInformationOptions,
  ): PagedList<RemoteLoginInformation>;
  /**
   * Lists the clusters of a workspace. Rejects with a `RestError` such as `WorkspaceNotFound`. REST operation:
   * `Clusters_ListByWorkspace`.
   */
  listByWorkspace(
    resourceGroupName: string,
    workspaceName: string,
    options?: ClustersListByWorkspaceOptions,
  ): PagedList<Cluster>;
  /**
   * Waits until a cluster has as many idle or running nodes as it should have at least, and answers it as it is then.
   * Rejects with a `ClusterNodesError` that holds the cluster's own errors when nodes are unusable and too few are left;
   * with an `AbortError` when the wait is aborted, while the cluster goes on; and with a `RestError` such as
   * `ClusterNotFound` when it is not there, or not there any more.
   */
  waitForNodes(
    resourceGroupName: string,
    workspaceName: string,
    clusterName: string,
    options?: ClustersWaitForNodesOptions,
  ): Promise<Cluster>;
}

/** Makes the group of operations on clusters. */
export function createClusters(context: ServiceContext): Clusters {
  const get: Clusters["get"] = (resourceGroupName, workspaceName, clusterName, options = {}) =>
    getResource(
      context,
      { operation: "clusters.get", path: paths.cluster, names: { resourceGroupName, workspaceName, clusterName } },
      cluster,
      options,
    );
  return {
    create: (resourceGroupName, workspaceName, clusterName, parameters, options = {}) =>
      createResource(
        context,
        {
          operation: "clusters.create",
          path: paths.cluster,
          names: { resourceGroupName, workspaceName, clusterName },
          body: outgoing(clusterCreateParameters, parameters, "parameters"),
        },
        cluster,
        options,
      ),
    update: (resourceGroupName, workspaceName, clusterName, parameters, options = {}) =>
      updateResource(
        context,
        {
          operation: "clusters.update",
          path: paths.cluster,
          names: { resourceGroupName, workspaceName, clusterName },
          body: outgoing(clusterUpdateParameters, parameters, "parameters"),
        },
        cluster,
        options,
      ),
    delete: (resourceGroupName, workspaceName, clusterName, options = {}) =>
      deleteResource(
        context,
        {
          operation: "clusters.delete",
          path: paths.cluster,
          names: { resourceGroupName, workspaceName, clusterName },
        },
        options,
      ),
    get,
    listRemoteLoginInformation: (resourceGroupName, workspaceName, clusterName, options = {}) =>
      listByPost(
        context,
        {
          operation: "clusters.listRemoteLoginInformation",
          path: `${paths.cluster}/listRemoteLoginInformation`,
          names: { resourceGroupName, workspaceName, clusterName },
        },
        remoteLoginInformation,
        options,
      ),
    listByWorkspace: (resourceGroupName, workspaceName, options = {}) =>
      list(
        context,
        {
          operation: "clusters.listByWorkspace",
          path: paths.clusters,
          names: { resourceGroupName, workspaceName },
          query: listQuery(options),
        },
        cluster,
        options,
      ),
    waitForNodes: (resourceGroupName, workspaceName, clusterName, options = {}) => {
      const look: Look<Cluster> = (more) => get(resourceGroupName, workspaceName, clusterName, more);
      return waitForNodes(context, clusterName, look, options);
    },
  };
}
