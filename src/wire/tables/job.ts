import type {
  InputDirectory,
  Job,
  JobBatchAI,
  JobConstraints,
  JobCreateParameters,
  JobExecutionInfo,
  JobGpu,
  JobNode,
  JobPreparation,
  OutputDirectory,
  WaitingReason,
} from "../../models/job.ts";
import { containerSettings } from "./containerSettings.ts";
import { environmentVariable, environmentVariableWithSecretValue } from "./environment.ts";
import { batchAIError } from "./error.ts";
import { mountVolumes } from "./mountVolumes.ts";
import { provisioningState, proxyResourceRows, resourceId } from "./resource.ts";
import {
  always,
  arrayOf,
  dateTime,
  duration,
  int32,
  model,
  object,
  oneOf,
  optional,
  readOnly,
  required,
  string,
  withRows,
} from "../schema.ts";
import {
  caffe2Settings,
  caffeSettings,
  chainerSettings,
  cntkSettings,
  customMpiSettings,
  customToolkitSettings,
  horovodSettings,
  pyTorchSettings,
  tensorFlowSettings,
} from "./toolkitSettings.ts";

/** Table of `JobPreparation`. */
export const jobPreparation = model<JobPreparation>("JobPreparation", {
  commandLine: required("commandLine", string),
});

/** Table of `InputDirectory`. */
export const inputDirectory = model<InputDirectory>("InputDirectory", {
  id: required("id", string),
  path: required("path", string),
});

/** Table of `OutputDirectory`. */
export const outputDirectory = model<OutputDirectory>("OutputDirectory", {
  id: required("id", string),
  pathPrefix: required("pathPrefix", string),
  pathSuffix: optional("pathSuffix", string),
});

/** Table of `JobConstraints`. */
export const jobConstraints = model<JobConstraints>("JobConstraints", {
  maxWallClockTime: optional("maxWallClockTime", duration, "P7D"),
});

/** Table of `JobExecutionInfo`. */
export const jobExecutionInfo = model<JobExecutionInfo>("JobExecutionInfo", {
  startTime: readOnly("startTime", dateTime),
  endTime: readOnly("endTime", dateTime),
  exitCode: readOnly("exitCode", int32()),
  errors: readOnly("errors", arrayOf(object(batchAIError))),
});

const waitingCode = oneOf("NoFreeNode", "NotEnoughGpus", "ClusterTooSmall", "Shortage", "SlurmPending");

/** Table of `WaitingReason`. */
export const waitingReason = model<WaitingReason>("WaitingReason", {
  code: always("code", waitingCode),
  message: always("message", string),
  position: readOnly("position", int32()),
  since: always("since", dateTime),
});

/** Table of `JobGpu`. */
export const jobGpu = model<JobGpu>("JobGpu", {
  index: always("index", int32()),
  uuid: always("uuid", string),
});

/** Table of `JobNode`. */
export const jobNode = model<JobNode>("JobNode", {
  nodeId: always("nodeId", string),
  address: readOnly("address", string),
  gpus: always("gpus", arrayOf(object(jobGpu))),
});

/** Table of `JobBatchAI`. */
export const jobBatchAI = model<JobBatchAI>("JobBatchAI", {
  waitingFor: readOnly("waitingFor", object(waitingReason)),
  nodes: readOnly("nodes", arrayOf(object(jobNode))),
});

const requiredRows = {
  cluster: required("properties.cluster", object(resourceId)),
  nodeCount: required("properties.nodeCount", int32({ minimum: 1 })),
  stdOutErrPathPrefix: required("properties.stdOutErrPathPrefix", string),
};

const optionalRows = {
  schedulingPriority: optional("properties.schedulingPriority", oneOf("low", "normal", "high"), "normal"),
  mountVolumes: optional("properties.mountVolumes", object(mountVolumes)),
  containerSettings: optional("properties.containerSettings", object(containerSettings)),
  cntkSettings: optional("properties.cntkSettings", object(cntkSettings)),
  pyTorchSettings: optional("properties.pyTorchSettings", object(pyTorchSettings)),
  tensorFlowSettings: optional("properties.tensorFlowSettings", object(tensorFlowSettings)),
  caffeSettings: optional("properties.caffeSettings", object(caffeSettings)),
  caffe2Settings: optional("properties.caffe2Settings", object(caffe2Settings)),
  chainerSettings: optional("properties.chainerSettings", object(chainerSettings)),
  customToolkitSettings: optional("properties.customToolkitSettings", object(customToolkitSettings)),
  customMpiSettings: optional("properties.customMpiSettings", object(customMpiSettings)),
  horovodSettings: optional("properties.horovodSettings", object(horovodSettings)),
  jobPreparation: optional("properties.jobPreparation", object(jobPreparation)),
  inputDirectories: optional("properties.inputDirectories", arrayOf(object(inputDirectory))),
  outputDirectories: optional("properties.outputDirectories", arrayOf(object(outputDirectory))),
  environmentVariables: optional("properties.environmentVariables", arrayOf(object(environmentVariable))),
  secrets: optional("properties.secrets", arrayOf(object(environmentVariableWithSecretValue))),
  constraints: optional("properties.constraints", object(jobConstraints)),
};

/** Table of `JobCreateParameters`. */
export const jobCreateParameters = model<JobCreateParameters>(
  "JobCreateParameters",
  withRows([requiredRows, optionalRows], {}),
);

/** Table of `Job`. */
export const job = model<Job>(
  "Job",
  withRows([proxyResourceRows, optionalRows], {
    cluster: optional("properties.cluster", object(resourceId)),
    nodeCount: optional("properties.nodeCount", int32()),
    stdOutErrPathPrefix: optional("properties.stdOutErrPathPrefix", string),
    toolType: optional(
      "properties.toolType",
      oneOf("cntk", "pytorch", "tensorflow", "caffe", "caffe2", "chainer", "horovod", "custommpi", "custom"),
    ),
    jobOutputDirectoryPathSegment: readOnly("properties.jobOutputDirectoryPathSegment", string),
    creationTime: readOnly("properties.creationTime", dateTime),
    provisioningState: readOnly("properties.provisioningState", provisioningState),
    provisioningStateTransitionTime: readOnly("properties.provisioningStateTransitionTime", dateTime),
    executionState: readOnly(
      "properties.executionState",
      oneOf("queued", "running", "terminating", "succeeded", "failed"),
    ),
    executionStateTransitionTime: readOnly("properties.executionStateTransitionTime", dateTime),
    executionInfo: optional("properties.executionInfo", object(jobExecutionInfo)),
    batchai: readOnly("properties.batchai", object(jobBatchAI)),
  }),
);
