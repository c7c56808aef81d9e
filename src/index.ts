/**
 * The typed client of the Batch AI API (2018-05-01).
 *
 * @packageDocumentation
 */
export type { AbortSignalLike } from "@azure/abort-controller";
export type { TokenCredential } from "@azure/core-auth";
export type { OperationState, OperationStatus, PollerLike } from "@azure/core-lro";
export type { PagedAsyncIterableIterator } from "@azure/core-paging";
export { isRestError, RestError } from "@azure/core-rest-pipeline";
export type {
  HttpClient,
  Pipeline,
  PipelinePolicy,
  PipelineRequest,
  PipelineResponse,
  SendRequest,
} from "@azure/core-rest-pipeline";

export { BatchAIManagementClient, restorePoller } from "./client.ts";
export type { ClosedByUsing } from "./client.ts";
export { connect } from "./connect.ts";
export type { ClientConnection, ConnectOptions } from "./connect.ts";
export { isBatchAIError } from "./http/batchAIError.ts";
export type { BatchAIRestError } from "./http/batchAIError.ts";
export { AbortError } from "./http/abortError.ts";
export type { AbortErrorFacts } from "./http/abortError.ts";
export { tokenCredential } from "./http/credential.ts";
export type { ErrorDetails } from "./http/restError.ts";
export type {
  AdditionalPolicy,
  BatchAIManagementClientOptions,
  LongRunningOperationOptions,
  OperationOptions,
} from "./http/options.ts";
export type { Page, PagedList, PageSettings } from "./http/paging.ts";
export type { OperationPoller, OperationProgress } from "./http/polling/poller.ts";
export { allowLoopbackHttp } from "./http/policies/tokenPolicy.ts";
export { ValidationError } from "./http/validationError.ts";
export type { ValidationIssue } from "./wire/validate.ts";

export type * from "./models/cluster.ts";
export type * from "./models/containerSettings.ts";
export type * from "./models/environment.ts";
export type * from "./models/error.ts";
export type * from "./models/experiment.ts";
export type * from "./models/file.ts";
export type * from "./models/fileServer.ts";
export type * from "./models/job.ts";
export type * from "./models/mountVolumes.ts";
export type * from "./models/operation.ts";
export type * from "./models/remoteLoginInformation.ts";
export type * from "./models/resource.ts";
export type * from "./models/secret.ts";
export type * from "./models/serviceConnection.ts";
export type * from "./models/toolkitSettings.ts";
export type * from "./models/usage.ts";
export type * from "./models/userAccountSettings.ts";
export type * from "./models/workspace.ts";

export type { Handle } from "./operations/handle.ts";
export type {
  ClusterHandle,
  Clusters,
  ClustersCreateOptions,
  ClustersDeleteOptions,
  ClustersGetOptions,
  ClustersListByWorkspaceOptions,
  ClustersListRemoteLoginInformationOptions,
  ClustersUpdateOptions,
} from "./operations/clusters.ts";
export type {
  ExperimentHandle,
  Experiments,
  ExperimentsCreateOptions,
  ExperimentsDeleteOptions,
  ExperimentsGetOptions,
  ExperimentsListByWorkspaceOptions,
} from "./operations/experiments.ts";
export type {
  FileServerHandle,
  FileServers,
  FileServersCreateOptions,
  FileServersDeleteOptions,
  FileServersGetOptions,
  FileServersListByWorkspaceOptions,
} from "./operations/fileServers.ts";
export type {
  JobHandle,
  Jobs,
  JobsCreateOptions,
  JobsDeleteOptions,
  JobsGetOptions,
  JobsListByExperimentOptions,
  JobsListOutputFilesOptions,
  JobsListRemoteLoginInformationOptions,
  JobsTerminateOptions,
} from "./operations/jobs.ts";
export type { JobOutput } from "./operations/jobOutput.ts";
export type { ListOptions } from "./operations/listOptions.ts";
export type { Operations, OperationsListOptions } from "./operations/operations.ts";
export type { JobsReadOutputFileOptions, OutputFilePart } from "./operations/outputFile.ts";
export type { JobsStreamOutputFileOptions, OutputFileStream } from "./operations/outputFileStream.ts";
export { ClusterNodesError, JobFailedError } from "./operations/waitErrors.ts";
export type { RestoredResult } from "./operations/restore.ts";
export type { JobsRunOptions } from "./operations/runJob.ts";
export type { Usages, UsagesListOptions } from "./operations/usages.ts";
export type { JobStateChange, JobsWaitForCompletionOptions } from "./operations/waitForCompletion.ts";
export type { ClusterNodesProgress, ClustersWaitForNodesOptions } from "./operations/waitForNodes.ts";
export type { WaitOptions } from "./operations/waiting.ts";
export type {
  WorkspaceHandle,
  Workspaces,
  WorkspacesCreateOptions,
  WorkspacesDeleteOptions,
  WorkspacesGetOptions,
  WorkspacesListByResourceGroupOptions,
  WorkspacesListOptions,
  WorkspacesUpdateOptions,
} from "./operations/workspaces.ts";
