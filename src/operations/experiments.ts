import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import type { Experiment } from "../models/experiment.ts";
import { experiment } from "../wire/tables/experiment.ts";
import { createResource, deleteResource, getResource, list } from "./calls.ts";
import { createHandle } from "./handle.ts";
import type { Handle } from "./handle.ts";
import { listQuery } from "./listOptions.ts";
import type { ListOptions } from "./listOptions.ts";
import { paths } from "./paths.ts";

/** Options of {@link Experiments.listByWorkspace}. */
export type ExperimentsListByWorkspaceOptions = ListOptions;

/** Options of {@link Experiments.create}. */
export type ExperimentsCreateOptions = LongRunningOperationOptions;

/** Options of {@link Experiments.delete}. */
export type ExperimentsDeleteOptions = LongRunningOperationOptions;

/** Options of {@link Experiments.get}. */
export type ExperimentsGetOptions = OperationOptions;

/** Experiments: groups of jobs that belong together. */
export interface Experiments {
  /**
   * Lists the experiments of a workspace. Rejects with a `RestError` such as `WorkspaceNotFound`. REST operation:
   * `Experiments_ListByWorkspace`.
   */
  listByWorkspace(
    resourceGroupName: string,
    workspaceName: string,
    options?: ExperimentsListByWorkspaceOptions,
  ): PagedList<Experiment>;
  /**
   * Creates an experiment, or returns the existing one unchanged. Rejects with a `ValidationError` if a name is not
   * valid, and with a `RestError` such as `WorkspaceNotFound`. REST operation: `Experiments_Create`.
   */
  create(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    options?: ExperimentsCreateOptions,
  ): OperationPoller<Experiment>;
  /**
   * Deletes an experiment and its jobs, and terminates running jobs. Succeeds if the experiment does not exist. Rejects
   * with a `RestError` if the service rejects the request. REST operation: `Experiments_Delete`.
   */
  delete(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    options?: ExperimentsDeleteOptions,
  ): OperationPoller<void>;
  /** Gets an experiment. Rejects with a `RestError` such as `ExperimentNotFound`. REST operation: `Experiments_Get`. */
  get(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    options?: ExperimentsGetOptions,
  ): Promise<Experiment>;
  /**
   * Returns a handle of an experiment: the methods of this group without the first three names. Sends no request, and the
   * experiment does not have to exist. Never throws; the methods reject if a name is not valid.
   */
  at(resourceGroupName: string, workspaceName: string, experimentName: string): ExperimentHandle;
}

/** An experiment, with the methods of {@link Experiments} that take its names. Returned by `experiments.at`. */
export type ExperimentHandle = Handle<
  Omit<Experiments, "at">,
  [resourceGroupName: string, workspaceName: string, experimentName: string]
>;

/** Creates the group of operations on experiments. */
export function createExperiments(context: ServiceContext): Experiments {
  const group: Omit<Experiments, "at"> = {
    listByWorkspace: (resourceGroupName, workspaceName, options = {}) =>
      list(
        context,
        {
          operation: "experiments.listByWorkspace",
          path: paths.experiments,
          names: [resourceGroupName, workspaceName],
          query: listQuery(options),
        },
        experiment,
        options,
      ),
    create: (resourceGroupName, workspaceName, experimentName, options = {}) =>
      createResource(
        context,
        {
          operation: "experiments.create",
          path: paths.experiment,
          names: [resourceGroupName, workspaceName, experimentName],
        },
        experiment,
        options,
      ),
    delete: (resourceGroupName, workspaceName, experimentName, options = {}) =>
      deleteResource(
        context,
        {
          operation: "experiments.delete",
          path: paths.experiment,
          names: [resourceGroupName, workspaceName, experimentName],
        },
        options,
      ),
    get: (resourceGroupName, workspaceName, experimentName, options = {}) =>
      getResource(
        context,
        {
          operation: "experiments.get",
          path: paths.experiment,
          names: [resourceGroupName, workspaceName, experimentName],
        },
        experiment,
        options,
      ),
  };
  return {
    ...group,
    at: (...names) =>
      createHandle(context, group, names, { path: paths.experiment, others: { listByWorkspace: true } }),
  };
}
