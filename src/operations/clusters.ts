import { outgoing } from "../http/call.ts";
import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import type { Cluster, ClusterCreateParameters, ClusterUpdateParameters } from "../models/cluster.ts";
import type { RemoteLoginInformation } from "../models/remoteLoginInformation.ts";
import { cluster, clusterCreateParameters, clusterUpdateParameters } from "../wire/tables/cluster.ts";
import { remoteLoginInformation } from "../wire/tables/remoteLoginInformation.ts";
import { createResource, deleteResource, getResource, list, listByPost, updateResource } from "./calls.ts";
import { createHandle } from "./handle.ts";
import type { Handle } from "./handle.ts";
import { listQuery } from "./listOptions.ts";
import type { ListOptions } from "./listOptions.ts";
import { idOf, paths } from "./paths.ts";
import { waitForNodes } from "./waitForNodes.ts";
import type { ClustersWaitForNodesOptions } from "./waitForNodes.ts";
import type { Poll } from "./waiting.ts";

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

/** Clusters: groups of identical nodes that run jobs. */
export interface Clusters {
  /**
   * Creates a cluster. Returns an existing cluster with the same properties unchanged; rejects with `Conflict` if they
   * differ. Completes when the service accepts the cluster: for its nodes, see `allocationState` and `nodeStateCounts`.
   * Rejects with a `ValidationError` if an argument is not valid, and with a `RestError` such as `WorkspaceNotFound` or
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
   * Changes the number of nodes of a cluster. Rejects with a `RestError` such as `ClusterNotFound`. REST operation:
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
   * Deletes a cluster; finished jobs are kept. Succeeds if the cluster does not exist. Rejects with a `RestError` if
   * the service rejects the request. REST operation: `Clusters_Delete`.
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
   * Lists the SSH addresses of the nodes of a cluster. The service of this package returns an empty list, because its nodes
   * have no SSH server of their own. Rejects with a `RestError` such as `ClusterNotFound`. REST operation:
   * `Clusters_ListRemoteLoginInformation`.
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
   * Waits until a cluster has at least the required number of idle or running nodes, and returns the cluster. Rejects
   * with a `ClusterNodesError` that contains the cluster's errors if some nodes are unusable and too few remain; with
   * an `AbortError` if the wait is aborted (the cluster is not affected); and with a `RestError` such as
   * `ClusterNotFound` if the cluster does not exist or is deleted.
   */
  waitForNodes(
    resourceGroupName: string,
    workspaceName: string,
    clusterName: string,
    options?: ClustersWaitForNodesOptions,
  ): Promise<Cluster>;
  /**
   * Returns a handle of a cluster: the methods of this group without the first three names. Sends no request, and the
   * cluster does not have to exist. Never throws; the methods reject if a name is not valid.
   */
  at(resourceGroupName: string, workspaceName: string, clusterName: string): ClusterHandle;
}

/** A cluster, with the methods of {@link Clusters} that take its names. Returned by `clusters.at`. */
export type ClusterHandle = Handle<
  Omit<Clusters, "at">,
  [resourceGroupName: string, workspaceName: string, clusterName: string]
>;

/** Creates the group of operations on clusters. */
export function createClusters(context: ServiceContext): Clusters {
  const get: Clusters["get"] = (resourceGroupName, workspaceName, clusterName, options = {}) =>
    getResource(
      context,
      { operation: "clusters.get", path: paths.cluster, names: [resourceGroupName, workspaceName, clusterName] },
      cluster,
      options,
    );
  const group: Omit<Clusters, "at"> = {
    create: (resourceGroupName, workspaceName, clusterName, parameters, options = {}) =>
      createResource(
        context,
        {
          operation: "clusters.create",
          path: paths.cluster,
          names: [resourceGroupName, workspaceName, clusterName],
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
          names: [resourceGroupName, workspaceName, clusterName],
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
          names: [resourceGroupName, workspaceName, clusterName],
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
          names: [resourceGroupName, workspaceName, clusterName],
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
          names: [resourceGroupName, workspaceName],
          query: listQuery(options),
        },
        cluster,
        options,
      ),
    waitForNodes: (resourceGroupName, workspaceName, clusterName, options = {}) => {
      const poll: Poll<Cluster> = (more) => get(resourceGroupName, workspaceName, clusterName, more);
      const resource = idOf(context, paths.cluster, [resourceGroupName, workspaceName, clusterName]);
      return waitForNodes(context, { clusterName, resource, get: poll }, options);
    },
  };
  return {
    ...group,
    at: (...names) => createHandle(context, group, names, { path: paths.cluster, others: { listByWorkspace: true } }),
  };
}
