import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import type { File } from "../models/file.ts";
import type { Job, JobCreateParameters } from "../models/job.ts";
import type { RemoteLoginInformation } from "../models/remoteLoginInformation.ts";
import type { Handle } from "./handle.ts";
import type { ListOptions } from "./listOptions.ts";
import type { JobsReadOutputFileOptions, OutputFilePart } from "./outputFile.ts";
import type { JobsStreamOutputFileOptions, OutputFileStream } from "./outputFileStream.ts";
import type { JobsRunOptions } from "./runJob.ts";
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
  /** Time in minutes until the download URLs expire, 5 to 600. Default: 60. */
  linkExpiryInMinutes?: number;
}

/** Options of {@link Jobs.listRemoteLoginInformation}. */
export type JobsListRemoteLoginInformationOptions = OperationOptions;

/** Options of {@link Jobs.terminate}. */
export type JobsTerminateOptions = LongRunningOperationOptions;

/** Jobs: training runs, or any other work. */
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
   * Creates a job, which runs as soon as its cluster has enough free nodes. Returns an existing job with the same
   * properties unchanged, without running it again; rejects with `Conflict` if they differ. Completes when the service
   * accepts the job: for its run, see `executionState`. Rejects with a `ValidationError` if an argument is not valid,
   * and with a `RestError` such as `ExperimentNotFound` or `ClusterNotFound`. REST operation: `Jobs_Create`.
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
   * Deletes a job, and terminates it if it is running. Its output is kept. Succeeds if the job does not exist. Rejects
   * with a `RestError` if the service rejects the request. REST operation: `Jobs_Delete`.
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
   * Lists one level of a job's output directory, even while the job is running. Rejects with a `RestError` such as
   * `JobNotFound`, or `OutputDirectoryNotOnShare` if the directory is not on a mounted file share. REST operation:
   * `Jobs_ListOutputFiles`.
   *
   * @param outputDirectoryId - ID of one of the job's `outputDirectories`, or `stdouterr` for its logs.
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
   * Lists the SSH addresses of the nodes of a job. The service of this package returns an empty list, because its nodes
   * have no SSH server of their own. Rejects with a `RestError` such as `JobNotFound`. REST operation:
   * `Jobs_ListRemoteLoginInformation`.
   */
  listRemoteLoginInformation(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    options?: JobsListRemoteLoginInformationOptions,
  ): PagedList<RemoteLoginInformation>;
  /**
   * Terminates a queued or running job, which then fails with `JobTerminated`. Has no effect on a finished job. Rejects
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
   * Creates a job, waits until it ends, and returns it. During the wait, calls `onStateChange` with its states and
   * `onOutput` with its output. Follows an existing job with the same properties, without running it again. The job continues in
   * the service if your program exits.
   *
   * Rejects with a `JobFailedError` that contains the job's errors if the job failed; with a `ValidationError` if an
   * argument is not valid; with an `AbortError` if it is aborted (the job continues, unless `terminateOnAbort` is true);
   * and with a `RestError` such as `ClusterNotFound` if the service rejects the job, `JobNotFound` if the job is
   * deleted, or `OutputDirectoryNotOnShare` if you pass `onOutput` and the output is not on a mounted file share. After
   * an error of the output, the job continues; see {@link Jobs.waitForCompletion}.
   */
  run(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    parameters: JobCreateParameters,
    options?: JobsRunOptions,
  ): Promise<Job>;
  /**
   * Waits until a job ends, and returns the job. Rejects with a `JobFailedError` that contains the job's errors if the
   * job failed; with an `AbortError` if the wait is aborted (the job continues, unless `terminateOnAbort` is true); and
   * with a `RestError`: `JobNotFound` if the job does not exist or is deleted, `ResourceReplaced` if it is deleted and
   * another job is created with its name.
   */
  waitForCompletion(
    resourceGroupName: string,
    workspaceName: string,
    experimentName: string,
    jobName: string,
    options?: JobsWaitForCompletionOptions,
  ): Promise<Job>;
  /**
   * Follows an output file while the job writes it. Waits for the file to appear, yields its content as it grows, and
   * ends when the job has ended and the whole file has been read. Works for append-only files such as logs. Renews
   * expired links and resumes broken connections without losing or repeating data.
   *
   * Rejects with a `RestError`: `OutputFileNotFound` if the job ended without that file, `OutputFileChanged` if the
   * file shrank, `JobNotFound` if the job is deleted, `ResourceReplaced` if it is deleted and another job is created
   * with its name, or the error of the service or the storage; and with an `AbortError` if it is aborted. A failed job is
   * not an error here; see {@link Jobs.waitForCompletion}. Requests to the storage do not call `onResponse` and do not
   * send `customHeaders`.
   *
   * @param outputDirectoryId - ID of one of the job's `outputDirectories`, or `stdouterr` for its logs.
   * @param path - Path of the file in the output directory, for example `stdout.txt`.
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
   * Reads a part of the current content of an output file, for example the end of a long log. Rejects with a
   * `RestError` such as `OutputFileNotFound` or `JobNotFound`.
   *
   * @param outputDirectoryId - ID of one of the job's `outputDirectories`, or `stdouterr` for its logs.
   * @param path - Path of the file in the output directory, for example `stdout.txt`.
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
  /**
   * Returns a handle of a job: the methods of this group without the first four names. Sends no request, and the job
   * does not have to exist. Never throws; the methods reject if a name is not valid.
   */
  at(resourceGroupName: string, workspaceName: string, experimentName: string, jobName: string): JobHandle;
}

/** A job, with the methods of {@link Jobs} that take its names. Returned by `jobs.at`. */
export type JobHandle = Handle<
  Omit<Jobs, "at">,
  [resourceGroupName: string, workspaceName: string, experimentName: string, jobName: string]
>;
