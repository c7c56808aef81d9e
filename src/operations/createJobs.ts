import { outgoing } from "../http/call.ts";
import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions } from "../http/options.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import type { Job, JobCreateParameters } from "../models/job.ts";
import { file } from "../wire/tables/file.ts";
import { job, jobCreateParameters } from "../wire/tables/job.ts";
import { remoteLoginInformation } from "../wire/tables/remoteLoginInformation.ts";
import { createResource, deleteResource, getResource, list, listByPost, startAction } from "./calls.ts";
import { createHandle } from "./handle.ts";
import type { Jobs } from "./jobs.ts";
import { listQuery, outputFilesQuery } from "./listOptions.ts";
import { readOutputFile } from "./outputFile.ts";
import type { ListFiles } from "./outputFile.ts";
import { streamOutputFile } from "./outputFileStream.ts";
import { idOf, paths } from "./paths.ts";
import { runJob } from "./runJob.ts";
import { waitForCompletion } from "./waitForCompletion.ts";
import type { AwaitedJob } from "./waitForCompletion.ts";

/** Names of a job and of its parents, in the order of the arguments. */
type JobNames = readonly [resourceGroupName: string, workspaceName: string, experimentName: string, jobName: string];

/** Creates the group of operations on jobs. */
export function createJobs(context: ServiceContext): Jobs {
  /** Path and names of a call about one job. */
  const onJob = ([resourceGroupName, workspaceName, experimentName, jobName]: JobNames, action = "") => ({
    path: `${paths.job}${action}`,
    names: [resourceGroupName, workspaceName, experimentName, jobName],
  });
  const createAs = (
    operation: string,
    names: JobNames,
    parameters: JobCreateParameters,
    options: LongRunningOperationOptions,
  ): OperationPoller<Job> => {
    const body = outgoing(jobCreateParameters, parameters, "parameters");
    return createResource(context, { operation, ...onJob(names), body }, job, options);
  };
  const get: Jobs["get"] = (...[group, workspace, experiment, name, options = {}]) =>
    getResource(context, { operation: "jobs.get", ...onJob([group, workspace, experiment, name]) }, job, options);
  const terminate: Jobs["terminate"] = (...[group, workspace, experiment, name, options = {}]) => {
    const args = { operation: "jobs.terminate", ...onJob([group, workspace, experiment, name], "/terminate") };
    return startAction(context, args, options);
  };
  const listOutputFiles: Jobs["listOutputFiles"] = (
    ...[group, workspace, experiment, name, outputDirectoryId, options = {}]
  ) => {
    const call = onJob([group, workspace, experiment, name], "/listOutputFiles");
    const query = outputFilesQuery(outputDirectoryId, options);
    return listByPost(context, { operation: "jobs.listOutputFiles", ...call, query }, file, options);
  };
  const listIn =
    (names: JobNames, outputDirectoryId: string): ListFiles =>
    (directory, options) =>
      listOutputFiles(...names, outputDirectoryId, { ...options, directory });
  const awaited = (names: JobNames): AwaitedJob => ({
    jobName: names[3],
    resource: idOf(context, paths.job, names),
    get: (options) => get(...names, options),
    terminate: (options) => terminate(...names, options),
  });
  const methods: Omit<Jobs, "at"> = {
    listByExperiment: (resourceGroupName, workspaceName, experimentName, options = {}) =>
      list(
        context,
        {
          operation: "jobs.listByExperiment",
          path: paths.jobs,
          names: [resourceGroupName, workspaceName, experimentName],
          query: listQuery(options),
        },
        job,
        options,
      ),
    create: (...[group, workspace, experiment, name, parameters, options = {}]) =>
      createAs("jobs.create", [group, workspace, experiment, name], parameters, options),
    delete: (...[group, workspace, experiment, name, options = {}]) =>
      deleteResource(context, { operation: "jobs.delete", ...onJob([group, workspace, experiment, name]) }, options),
    get,
    listOutputFiles,
    listRemoteLoginInformation: (...[group, workspace, experiment, name, options = {}]) => {
      const call = onJob([group, workspace, experiment, name], "/listRemoteLoginInformation");
      const operation = "jobs.listRemoteLoginInformation";
      return listByPost(context, { operation, ...call }, remoteLoginInformation, options);
    },
    terminate,
    run: (...[group, workspace, experiment, name, parameters, options = {}]) => {
      const names: JobNames = [group, workspace, experiment, name];
      const runnable = {
        ...awaited(names),
        create: (more: LongRunningOperationOptions) => createAs("jobs.run", names, parameters, more),
        listOutput: listIn(names, "stdouterr"),
      };
      return runJob(context, runnable, options);
    },
    waitForCompletion: (...[group, workspace, experiment, name, options = {}]) =>
      waitForCompletion(context, awaited([group, workspace, experiment, name]), options),
    streamOutputFile: (...[group, workspace, experiment, name, outputDirectoryId, path, options = {}]) => {
      const names: JobNames = [group, workspace, experiment, name];
      const source = { ...awaited(names), path, list: listIn(names, outputDirectoryId) };
      return streamOutputFile(context, source, options);
    },
    readOutputFile: (...[group, workspace, experiment, name, outputDirectoryId, path, options = {}]) => {
      const names: JobNames = [group, workspace, experiment, name];
      const source = { path, list: listIn(names, outputDirectoryId), resource: idOf(context, paths.job, names) };
      return readOutputFile(context, source, options);
    },
  };
  return {
    ...methods,
    at: (...names) => createHandle(context, methods, names, { path: paths.job, others: { listByExperiment: true } }),
  };
}
