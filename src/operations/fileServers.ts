import { outgoing } from "../http/call.ts";
import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import type { FileServer, FileServerCreateParameters } from "../models/fileServer.ts";
import { fileServer, fileServerCreateParameters } from "../wire/tables/fileServer.ts";
import { createResource, deleteResource, getResource, list } from "./calls.ts";
import { createHandle } from "./handle.ts";
import type { Handle } from "./handle.ts";
import { listQuery } from "./listOptions.ts";
import type { ListOptions } from "./listOptions.ts";
import { paths } from "./paths.ts";

/** Options of {@link FileServers.create}. */
export type FileServersCreateOptions = LongRunningOperationOptions;

/** Options of {@link FileServers.delete}. */
export type FileServersDeleteOptions = LongRunningOperationOptions;

/** Options of {@link FileServers.get}. */
export type FileServersGetOptions = OperationOptions;

/** Options of {@link FileServers.listByWorkspace}. */
export type FileServersListByWorkspaceOptions = ListOptions;

/** File servers: NFS servers that clusters can mount. */
export interface FileServers {
  /**
   * Creates a file server. Returns an existing file server with the same properties unchanged; rejects with `Conflict`
   * if they differ. Rejects with a `ValidationError` if an argument is not valid, and with a `RestError` such as
   * `WorkspaceNotFound`. REST operation: `FileServers_Create`.
   */
  create(
    resourceGroupName: string,
    workspaceName: string,
    fileServerName: string,
    parameters: FileServerCreateParameters,
    options?: FileServersCreateOptions,
  ): OperationPoller<FileServer>;
  /**
   * Deletes a file server and its data. Succeeds if the file server does not exist. Rejects with a `RestError` if the
   * service rejects the request. REST operation: `FileServers_Delete`.
   */
  delete(
    resourceGroupName: string,
    workspaceName: string,
    fileServerName: string,
    options?: FileServersDeleteOptions,
  ): OperationPoller<void>;
  /** Gets a file server. Rejects with a `RestError` such as `FileServerNotFound`. REST operation: `FileServers_Get`. */
  get(
    resourceGroupName: string,
    workspaceName: string,
    fileServerName: string,
    options?: FileServersGetOptions,
  ): Promise<FileServer>;
  /**
   * Lists the file servers of a workspace. Rejects with a `RestError` such as `WorkspaceNotFound`. REST operation:
   * `FileServers_ListByWorkspace`.
   */
  listByWorkspace(
    resourceGroupName: string,
    workspaceName: string,
    options?: FileServersListByWorkspaceOptions,
  ): PagedList<FileServer>;
  /**
   * Returns a handle of a file server: the methods of this group without the first three names. Sends no request, and the
   * file server does not have to exist. Never throws; the methods reject if a name is not valid.
   */
  at(resourceGroupName: string, workspaceName: string, fileServerName: string): FileServerHandle;
}

/** A file server, with the methods of {@link FileServers} that take its names. Returned by `fileServers.at`. */
export type FileServerHandle = Handle<
  Omit<FileServers, "at">,
  [resourceGroupName: string, workspaceName: string, fileServerName: string]
>;

/** Creates the group of operations on file servers. */
export function createFileServers(context: ServiceContext): FileServers {
  const group: Omit<FileServers, "at"> = {
    create: (resourceGroupName, workspaceName, fileServerName, parameters, options = {}) =>
      createResource(
        context,
        {
          operation: "fileServers.create",
          path: paths.fileServer,
          names: [resourceGroupName, workspaceName, fileServerName],
          body: outgoing(fileServerCreateParameters, parameters, "parameters"),
        },
        fileServer,
        options,
      ),
    delete: (resourceGroupName, workspaceName, fileServerName, options = {}) =>
      deleteResource(
        context,
        {
          operation: "fileServers.delete",
          path: paths.fileServer,
          names: [resourceGroupName, workspaceName, fileServerName],
        },
        options,
      ),
    get: (resourceGroupName, workspaceName, fileServerName, options = {}) =>
      getResource(
        context,
        {
          operation: "fileServers.get",
          path: paths.fileServer,
          names: [resourceGroupName, workspaceName, fileServerName],
        },
        fileServer,
        options,
      ),
    listByWorkspace: (resourceGroupName, workspaceName, options = {}) =>
      list(
        context,
        {
          operation: "fileServers.listByWorkspace",
          path: paths.fileServers,
          names: [resourceGroupName, workspaceName],
          query: listQuery(options),
        },
        fileServer,
        options,
      ),
  };
  return {
    ...group,
    at: (...names) =>
      createHandle(context, group, names, { path: paths.fileServer, others: { listByWorkspace: true } }),
  };
}
