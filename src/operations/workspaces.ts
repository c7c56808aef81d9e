import { outgoing } from "../http/call.ts";
import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import type { Workspace, WorkspaceCreateParameters, WorkspaceUpdateParameters } from "../models/workspace.ts";
import { workspace, workspaceCreateParameters, workspaceUpdateParameters } from "../wire/tables/workspace.ts";
import { createResource, deleteResource, getResource, list, updateResource } from "./calls.ts";
import { createHandle } from "./handle.ts";
import type { Handle } from "./handle.ts";
import { listQuery } from "./listOptions.ts";
import type { ListOptions } from "./listOptions.ts";
import { paths } from "./paths.ts";

/** Options of {@link Workspaces.list}. */
export type WorkspacesListOptions = ListOptions;

/** Options of {@link Workspaces.listByResourceGroup}. */
export type WorkspacesListByResourceGroupOptions = ListOptions;

/** Options of {@link Workspaces.create}. */
export type WorkspacesCreateOptions = LongRunningOperationOptions;

/** Options of {@link Workspaces.update}. */
export type WorkspacesUpdateOptions = OperationOptions;

/** Options of {@link Workspaces.delete}. */
export type WorkspacesDeleteOptions = LongRunningOperationOptions;

/** Options of {@link Workspaces.get}. */
export type WorkspacesGetOptions = OperationOptions;

/** Workspaces: containers for clusters, file servers and experiments. */
export interface Workspaces {
  /**
   * Lists the workspaces of the subscription. Rejects with a `RestError` if the service rejects the request. REST
   * operation: `Workspaces_List`.
   */
  list(options?: WorkspacesListOptions): PagedList<Workspace>;
  /**
   * Lists the workspaces of a resource group. Rejects with a `RestError` if the service rejects the request. REST
   * operation: `Workspaces_ListByResourceGroup`.
   */
  listByResourceGroup(resourceGroupName: string, options?: WorkspacesListByResourceGroupOptions): PagedList<Workspace>;
  /**
   * Creates a workspace. Returns an existing workspace with the same content unchanged. Rejects with a
   * `ValidationError` if an argument is not valid, and with a `RestError` such as `ResourceGroupNotFound`. REST
   * operation: `Workspaces_Create`.
   */
  create(
    resourceGroupName: string,
    workspaceName: string,
    parameters: WorkspaceCreateParameters,
    options?: WorkspacesCreateOptions,
  ): OperationPoller<Workspace>;
  /**
   * Replaces the tags of a workspace. Rejects with a `RestError` such as `WorkspaceNotFound`. REST operation:
   * `Workspaces_Update`.
   */
  update(
    resourceGroupName: string,
    workspaceName: string,
    parameters: WorkspaceUpdateParameters,
    options?: WorkspacesUpdateOptions,
  ): Promise<Workspace>;
  /**
   * Deletes a workspace and everything in it, and terminates running jobs. Succeeds if the workspace does not exist.
   * Rejects with a `RestError` if the service rejects the request. REST operation: `Workspaces_Delete`.
   */
  delete(resourceGroupName: string, workspaceName: string, options?: WorkspacesDeleteOptions): OperationPoller<void>;
  /** Gets a workspace. Rejects with a `RestError` such as `WorkspaceNotFound`. REST operation: `Workspaces_Get`. */
  get(resourceGroupName: string, workspaceName: string, options?: WorkspacesGetOptions): Promise<Workspace>;
  /**
   * Returns a handle of a workspace: the methods of this group without the first two names. Sends no request, and the
   * workspace does not have to exist. Never throws; the methods reject if a name is not valid.
   */
  at(resourceGroupName: string, workspaceName: string): WorkspaceHandle;
}

/** A workspace, with the methods of {@link Workspaces} that take its names. Returned by `workspaces.at`. */
export type WorkspaceHandle = Handle<Omit<Workspaces, "at">, [resourceGroupName: string, workspaceName: string]>;

/** Creates the group of operations on workspaces. */
export function createWorkspaces(context: ServiceContext): Workspaces {
  const group: Omit<Workspaces, "at"> = {
    list: (options = {}) =>
      list(
        context,
        { operation: "workspaces.list", path: paths.allWorkspaces, query: listQuery(options) },
        workspace,
        options,
      ),
    listByResourceGroup: (resourceGroupName, options = {}) =>
      list(
        context,
        {
          operation: "workspaces.listByResourceGroup",
          path: paths.workspaces,
          names: [resourceGroupName],
          query: listQuery(options),
        },
        workspace,
        options,
      ),
    create: (resourceGroupName, workspaceName, parameters, options = {}) =>
      createResource(
        context,
        {
          operation: "workspaces.create",
          path: paths.workspace,
          names: [resourceGroupName, workspaceName],
          body: outgoing(workspaceCreateParameters, parameters, "parameters"),
        },
        workspace,
        options,
      ),
    update: (resourceGroupName, workspaceName, parameters, options = {}) =>
      updateResource(
        context,
        {
          operation: "workspaces.update",
          path: paths.workspace,
          names: [resourceGroupName, workspaceName],
          body: outgoing(workspaceUpdateParameters, parameters, "parameters"),
        },
        workspace,
        options,
      ),
    delete: (resourceGroupName, workspaceName, options = {}) =>
      deleteResource(
        context,
        { operation: "workspaces.delete", path: paths.workspace, names: [resourceGroupName, workspaceName] },
        options,
      ),
    get: (resourceGroupName, workspaceName, options = {}) =>
      getResource(
        context,
        { operation: "workspaces.get", path: paths.workspace, names: [resourceGroupName, workspaceName] },
        workspace,
        options,
      ),
  };
  return {
    ...group,
    at: (...names) =>
      createHandle(context, group, names, { path: paths.workspace, others: { list: true, listByResourceGroup: true } }),
  };
}
