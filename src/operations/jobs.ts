import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { OperationPoller } from "../http/poller.ts";
import type { File } from "../models/file.ts";
import type { Job, JobCreateParameters } from "../models/job.ts";
import type { RemoteLoginInformation } from "../models/remoteLoginInformation.ts";
import { file } from "../wire/file.ts";
import { job, jobCreateParameters } from "../wire/job.ts";
import { remoteLoginInformation } from "../wire/remoteLoginInformation.ts";
import { createResource, deleteResource, getResource, list, listByPost, outgoing, startAction } from "./calls.ts";
import { listQuery, outputFilesQuery } from "./listOptions.ts";
import type { ListOptions } from "./listOptions.ts";
import { readOutputFile } from "./outputFile.ts";
import type { JobsReadOutputFileOptions, ListFiles, OutputFilePart } from "./outputFile.ts";
import { streamOutputFile } from "./outputFileStream.ts";
import type { JobsStreamOutputFileOptions, OutputFileStream } from "./outputFileStream.ts";
import { paths } from "./paths.ts";
import { waitForCompletion } from "./waitForCompletion.ts";
import type { JobsWaitForCompletionOptions } from "./waitForCompletion.ts";

/** Options of {@link Jobs.listByExperiment}. */
export type JobsListByExperimentOptions = ListOptions;

/** Options of {@link Jobs.create}. */
export type JobsCreateOptions = LongRunningOperationOptions;

/** Options of {@link Jobs.delete}. */
export type JobsDeleteOptions = LongRunningOperationOptions;

/** Options of {@link Jobs.get}. */
export type JobsGetOptions = OperationOptions;

/** Options of {@link Jobs.listOutputFiles}. */
export interface JobsListOutputFilesOptions extends ListOptions {
  /** Directory inside the output directory, for example `models/final`. Default: `.`, the output directory itself. */
  directory?: string;
  /** Time in minutes until the download links expire, 5 to 600. Default: 60. */
  linkExpiryInMinutes?: number;
}

/** Options of {@link Jobs.listRemoteLoginInformation}. */
export type JobsListRemoteLoginInformationOptions = OperationOptions;

/** Options of {@link Jobs.terminate}. */
export type JobsTerminateOptions = LongRunningOperationOptions;

/** Jobs: training runs, or any other pieces of work. */
export interface Jobs {
  /**
   * Lists the jobs of an experiment. Rejects with a `RestError` such as `ExperimentNotFound`. REST operation:
   * `Jobs_ListByExperiment`.
   */
  listByExperiment(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    options?: JobsListByExperimentOptions,
  ): PagedList<Job>;
  /**
   * Creates a job, which runs as soon as its cluster has room. One that exists with the same properties stays as it is
   * and does not run again; other properties are refused with `Conflict`. The operation ends when the service has accepted
   * the job: see `executionState` for its run. Rejects with a `ValidationError` for wrong arguments, and with a
   * `RestError` such as `ExperimentNotFound` or `ClusterNotFound`. REST operation: `Jobs_Create`.
   */
  create(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    parameters: JobCreateParameters,
    options?: JobsCreateOptions,
  ): OperationPoller<Job>;
  /**
   * Deletes a job; a running one is ended. Its output stays. One that does not exist is no error. Rejects with a
   * `RestError` when the service refuses. REST operation: `Jobs_Delete`.
   */
  delete(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    options?: JobsDeleteOptions,
  ): OperationPoller<void>;
  /** Gets a job. Rejects with a `RestError` such as `JobNotFound`. REST operation: `Jobs_Get`. */
  get(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    options?: JobsGetOptions,
  ): Promise<Job>;
  /**
   * Lists one level of an output directory of a job, also while the job runs. Rejects with a `RestError` such as
   * `JobNotFound`, or `OutputDirectoryNotOnShare` when the directory lies on no mounted file share. REST operation:
   * `Jobs_ListOutputFiles`.
   *
   * @param outputDirectoryId - Id of one of the job's `outputDirectories`, or `stdouterr` for its logs.
   */
  listOutputFiles(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    outputDirectoryId: string,
    options?: JobsListOutputFilesOptions,
  ): PagedList<File>;
  /**
   * Lists where the nodes of a job can be reached by SSH. Rejects with a `RestError` such as `JobNotFound`. REST
   * operation: `Jobs_ListRemoteLoginInformation`.
   */
  listRemoteLoginInformation(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    options?: JobsListRemoteLoginInformationOptions,
  ): PagedList<RemoteLoginInformation>;
  /**
   * Ends a queued or running job, which then has failed with `JobTerminated`; a finished one stays as it is. Rejects
   * with a `RestError` such as `JobNotFound`. REST operation: `Jobs_Terminate`.
   */
  terminate(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    options?: JobsTerminateOptions,
  ): OperationPoller<void>;
  /**
   * Waits until a job has ended, and answers it as it is then. Rejects with a `JobFailedError` that holds the job's own
   * errors when it failed; with an `AbortError` when the wait is aborted, while the job goes on; and with a `RestError`
   * such as `JobNotFound` when the job is not there, or not there any more.
   */
  waitForCompletion(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    options?: JobsWaitForCompletionOptions,
  ): Promise<Job>;
  /**
   * Follows an output file while the job writes it: waits for the file to appear, hands on what is written, and ends when
   * the job has ended and everything was read. Works for files that grow at their end, such as logs. Links are renewed
   * and broken connections are taken up again, so that nothing is lost and nothing comes twice.
   *
   * Rejects with a `RestError`: `OutputFileNotFound` when the job ended without that file, `OutputFileChanged` when the
   * file has become shorter, or what the service or the storage says; and with an `AbortError` when it is aborted. That
   * the job failed is no error here: see {@link Jobs.waitForCompletion}. Answers of the storage are not shown to
   * `onResponse`, and `customHeaders` are not sent there.
   *
   * @param outputDirectoryId - Id of one of the job's `outputDirectories`, or `stdouterr` for its logs.
   * @param path - Path of the file below the output directory, for example `stdout.txt`.
   */
  streamOutputFile(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    outputDirectoryId: string,
    path: string,
    options?: JobsStreamOutputFileOptions,
  ): OutputFileStream;
  /**
   * Reads a part of an output file as it is now, for example the end of a long log. Rejects with a `RestError` such as
   * `OutputFileNotFound` or `JobNotFound`.
   *
   * @param outputDirectoryId - Id of one of the job's `outputDirectories`, or `stdouterr` for its logs.
   * @param path - Path of the file below the output directory, for example `stdout.txt`.
   */
  readOutputFile(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    outputDirectoryId: string,
    path: string,
    options?: JobsReadOutputFileOptions,
  ): Promise<OutputFilePart>;
}

/** Makes the group of operations on jobs. */
export function createJobs(context: ServiceContext): Jobs {
  const get: Jobs["get"] = (resourceGroupName, workspaceName, experimentName, jobName, options = {}) =>
    getResource(
      context,
      {
        operation: "jobs.get",
        path: paths.job,
        names: { resourceGroupName, workspaceName, experimentName, jobName },
      },
      job,
      options,
    );
  const listOutputFiles: Jobs["listOutputFiles"] = (
    resourceGroupName,
    workspaceName,
    experimentName,
    jobName,
    outputDirectoryId,
    options = {},
  ) =>
    listByPost(
      context,
      {
        operation: "jobs.listOutputFiles",
        path: `${paths.job}/listOutputFiles`,
        names: { resourceGroupName, workspaceName, experimentName, jobName },
        query: outputFilesQuery(outputDirectoryId, options),
      },
      file,
      options,
    );
  return {
    listByExperiment: (resourceGroupName, workspaceName, experimentName, options = {}) =>
      list(
        context,
        {
          operation: "jobs.listByExperiment",
          path: paths.jobs,
          names: { resourceGroupName, workspaceName, experimentName },
          query: listQuery(options),
        },
        job,
        options,
      ),
    create: (resourceGroupName, workspaceName, experimentName, jobName, parameters, options = {}) =>
      createResource(
        context,
        {
          operation: "jobs.create",
          path: paths.job,
          names: { resourceGroupName, workspaceName, experimentName, jobName },
          body: outgoing(jobCreateParameters, parameters, "parameters"),
        },
        job,
        options,
      ),
    delete: (resourceGroupName, workspaceName, experimentName, jobName, options = {}) =>
      deleteResource(
        context,
        {
          operation: "jobs.delete",
          path: paths.job,
          names: { resourceGroupName, workspaceName, experimentName, jobName },
        },
        options,
      ),
    get,
    listOutputFiles,
    listRemoteLoginInformation: (resourceGroupName, workspaceName, experimentName, jobName, options = {}) =>
      listByPost(
        context,
        {
          operation: "jobs.listRemoteLoginInformation",
          path: `${paths.job}/listRemoteLoginInformation`,
          names: { resourceGroupName, workspaceName, experimentName, jobName },
        },
        remoteLoginInformation,
        options,
      ),
    terminate: (resourceGroupName, workspaceName, experimentName, jobName, options = {}) =>
      startAction(
        context,
        {
          operation: "jobs.terminate",
          path: `${paths.job}/terminate`,
          names: { resourceGroupName, workspaceName, experimentName, jobName },
        },
        options,
      ),
    waitForCompletion: (resourceGroupName, workspaceName, experimentName, jobName, options = {}) => {
      const names = [resourceGroupName, workspaceName, experimentName, jobName] as const;
      return waitForCompletion(context, jobName, (more) => get(...names, more), options);
    },
    streamOutputFile: (
      ...[resourceGroupName, workspaceName, experimentName, jobName, outputDirectoryId, path, options = {}]
    ) => {
      const names = [resourceGroupName, workspaceName, experimentName, jobName] as const;
      const list: ListFiles = (directory, more) => listOutputFiles(...names, outputDirectoryId, { ...more, directory });
      return streamOutputFile(context, { jobName, path, list, look: (more) => get(...names, more) }, options);
    },
    readOutputFile: (
      ...[resourceGroupName, workspaceName, experimentName, jobName, outputDirectoryId, path, options = {}]
    ) => {
      const names = [resourceGroupName, workspaceName, experimentName, jobName] as const;
      const list: ListFiles = (directory, more) => listOutputFiles(...names, outputDirectoryId, { ...more, directory });
      return readOutputFile(context, path, list, options);
    },
  };
}
