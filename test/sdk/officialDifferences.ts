// Everything in which this SDK differs from `@azure/arm-batchai` 2.2.1 on purpose, once and with its reason. The tests fail
// on a difference that is missing here, and on one that is no more.

/** Something that both sides say about the same thing, and differently. */
export interface Difference {
  /** A property such as `Job.toolType`, or a parameter such as `resourceGroupName`. */
  readonly where: string;
  /** What of it differs. */
  readonly aspect: string;
  readonly official: unknown;
  readonly ours: unknown;
}

type ListedDifference = Difference & { readonly because: string };

const atLeast = (where: string, minimum: 0 | 1, because: string): ListedDifference => ({
  where,
  aspect: "constraints",
  official: {},
  ours: { minimum },
  because,
});

const alwaysReturned = (where: string): ListedDifference => ({
  where,
  aspect: "required",
  official: false,
  ours: true,
  because: "every recorded response of the live service contains it; the SDK rejects a response without it",
});

const countsNodes = "there are no fewer nodes than none; the service can only refuse a negative number";
const countsProcesses = "a toolkit without any process is no job; the service can only refuse it";

/** Differences in properties of models. */
export const modelDifferences: readonly ListedDifference[] = [
  ...["Workspace", "Experiment", "Job", "Cluster", "FileServer"].flatMap((model) =>
    ["id", "name", "type"].map((property) => alwaysReturned(`${model}.${property}`)),
  ),
  alwaysReturned("File.name"),
  atLeast("ManualScaleSettings.targetNodeCount", 0, countsNodes),
  atLeast("AutoScaleSettings.minimumNodeCount", 0, countsNodes),
  atLeast("AutoScaleSettings.maximumNodeCount", 0, countsNodes),
  atLeast("AutoScaleSettings.initialNodeCount", 0, countsNodes),
  atLeast(
    "JobCreateParameters.nodeCount",
    1,
    "a job needs a node to run on; the service can only refuse another number",
  ),
  atLeast("CNTKsettings.processCount", 1, countsProcesses),
  atLeast("PyTorchSettings.processCount", 1, countsProcesses),
  atLeast("CaffeSettings.processCount", 1, countsProcesses),
  atLeast("ChainerSettings.processCount", 1, countsProcesses),
  atLeast("HorovodSettings.processCount", 1, countsProcesses),
  atLeast("CustomMpiSettings.processCount", 1, countsProcesses),
  atLeast("TensorFlowSettings.workerCount", 0, "a number of processes; none means that the master works alone"),
  atLeast(
    "TensorFlowSettings.parameterServerCount",
    0,
    "a number of processes; none means that there is no such server",
  ),
  atLeast("DataDisks.diskCount", 1, "a file server without a disk has nowhere to keep files"),
  atLeast("DataDisks.diskSizeInGB", 1, "a disk without room has nowhere to keep files"),
  {
    where: "SshConfiguration.publicIPsToAllow",
    aspect: "constraints",
    official: {},
    ours: { maxItems: 400 },
    because: "the description of the property names that limit; the official mappers leave it out",
  },
  {
    where: "ManualScaleSettings.targetNodeCount",
    aspect: "defaultValue",
    official: 0,
    ours: undefined,
    because: "a required property has no use for a default",
  },
  {
    where: "ImageReference.version",
    aspect: "defaultValue",
    official: undefined,
    ours: "latest",
    because: "the live service answered `latest` when it was left out",
  },
  {
    where: "JobConstraints.maxWallClockTime",
    aspect: "defaultValue",
    official: "7.00:00:00",
    ours: "P7D",
    because: "the official default is written in .NET's way; the live service answered P7D",
  },
  {
    where: "Job.toolType",
    aspect: "values",
    official: ["cntk", "tensorflow", "caffe", "caffe2", "chainer", "horovod", "custommpi", "custom"],
    ours: ["cntk", "pytorch", "tensorflow", "caffe", "caffe2", "chainer", "horovod", "custommpi", "custom"],
    because: "the live service answered `pytorch` for jobs with pyTorchSettings; every official SDK forgot the word",
  },
];

const isNoName = "in a URL it means a directory, so the request would go to another address";

/** Differences in operations; they hold for every operation that has such a thing. */
export const operationDifferences: readonly ListedDifference[] = [
  { where: "resourceGroupName", aspect: 'accepts "."', official: true, ours: false, because: isNoName },
  { where: "resourceGroupName", aspect: 'accepts ".."', official: true, ours: false, because: isNoName },
  ...["a(", "a)", "aß", "aä", "a漢", "é"].map((name) => ({
    where: "resourceGroupName",
    aspect: `accepts "${name}"`,
    official: false,
    ours: true,
    because: "Azure Resource Manager accepts parentheses and letters of every alphabet",
  })),
  { where: "location", aspect: 'accepts "."', official: true, ours: false, because: isNoName },
  { where: "location", aspect: 'accepts ".."', official: true, ours: false, because: isNoName },
  {
    where: "every operation",
    aspect: "headers",
    official: ["accept-language"],
    ours: [],
    because: "the service knows one language; whoever wants the header can set it by `customHeaders`",
  },
];

/** Methods of another name. */
export const renamedMethods: Readonly<Record<string, { readonly ours: string; readonly because: string }>> = {
  deleteMethod: { ours: "delete", because: "a method may be called `delete` since ECMAScript 5" },
};

/** Models of the official package that have no table here, and what takes their place. */
export const modelsWithoutTable: Readonly<Record<string, string>> = {
  BaseResource: "an empty type of the official runtime",
  CloudError: "the official runtime flattens `error` into its own class; see test/sdk/errors.test.ts",
  ProxyResource: "its properties are rows of every resource",
  Resource: "its properties are rows of every workspace",
  OperationListResult: "lists are pages: arrays and a continuation token",
  ListUsagesResult: "likewise",
  WorkspaceListResult: "likewise",
  ExperimentListResult: "likewise",
  JobListResult: "likewise",
  FileListResult: "likewise",
  RemoteLoginInformationListResult: "likewise",
  FileServerListResult: "likewise",
  ClusterListResult: "likewise",
  WorkspacesListOptions: "options are arguments of methods, not models",
  WorkspacesListByResourceGroupOptions: "likewise",
  ExperimentsListByWorkspaceOptions: "likewise",
  JobsListByExperimentOptions: "likewise",
  JobsListOutputFilesOptions: "likewise",
  FileServersListByWorkspaceOptions: "likewise",
  ClustersListByWorkspaceOptions: "likewise",
};

/** Tables of ours that have no mapper there, and why. */
export const tablesWithoutModel: Readonly<Record<string, string>> = {
  CloudErrorBody: "an error in an error response, which the official runtime reads by itself",
  JobBatchAI: "state that the API of 2018 has no place for; official clients ignore it",
  JobGpu: "likewise",
  JobNode: "likewise",
  WaitingReason: "likewise",
  ClusterBatchAI: "likewise",
  MissingNodes: "likewise",
};

/** Properties that only our models have. */
export const addedProperties: Readonly<
  Record<string, { readonly names: readonly string[]; readonly because: string }>
> = {
  Job: {
    names: ["batchai"],
    because: "says for what a job waits and which GPUs it has; every official client ignores unknown members",
  },
  Cluster: {
    names: ["batchai"],
    because: "says which nodes are missing; every official client ignores unknown members",
  },
};

/** Official names of objects that have no name in the REST API, and ours. */
export const renamedModels: Readonly<Record<string, string>> = {
  JobBasePropertiesConstraints: "JobConstraints",
  JobPropertiesConstraints: "JobConstraints",
  JobPropertiesExecutionInfo: "JobExecutionInfo",
};
