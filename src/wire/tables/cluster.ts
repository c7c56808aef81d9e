import type {
  AppInsightsReference,
  AutoScaleSettings,
  Cluster,
  ClusterBatchAI,
  ClusterCreateParameters,
  ClusterUpdateParameters,
  ImageReference,
  ManualScaleSettings,
  MissingNodes,
  NodeSetup,
  NodeStateCounts,
  PerformanceCountersSettings,
  ScaleSettings,
  SetupTask,
  VirtualMachineConfiguration,
} from "../../models/cluster.ts";
import { environmentVariable, environmentVariableWithSecretValue } from "./environment.ts";
import { batchAIError } from "./error.ts";
import { mountVolumes } from "./mountVolumes.ts";
import { provisioningState, proxyResourceRows, resourceId } from "./resource.ts";
import {
  always,
  arrayOf,
  dateTime,
  int32,
  model,
  object,
  oneOf,
  onlyOneOf,
  optional,
  readOnly,
  required,
  secret,
  string,
  withRows,
} from "../schema.ts";
import { keyVaultSecretReference } from "./secret.ts";
import { userAccountSettings } from "./userAccountSettings.ts";

const vmPriority = onlyOneOf("dedicated", "lowpriority");
const deallocationOption = oneOf("requeue", "terminate", "waitforjobcompletion");
const nodeCount = int32({ minimum: 0 });

/** Table of `ManualScaleSettings`. */
export const manualScaleSettings = model<ManualScaleSettings>("ManualScaleSettings", {
  targetNodeCount: required("targetNodeCount", nodeCount),
  nodeDeallocationOption: optional("nodeDeallocationOption", deallocationOption, "requeue"),
});

/** Table of `AutoScaleSettings`. */
export const autoScaleSettings = model<AutoScaleSettings>("AutoScaleSettings", {
  minimumNodeCount: required("minimumNodeCount", nodeCount),
  maximumNodeCount: required("maximumNodeCount", nodeCount),
  initialNodeCount: optional("initialNodeCount", nodeCount, 0),
});

/** Table of `ScaleSettings`. */
export const scaleSettings = model<ScaleSettings>("ScaleSettings", {
  manual: optional("manual", object(manualScaleSettings)),
  autoScale: optional("autoScale", object(autoScaleSettings)),
});

/** Table of `ImageReference`. */
export const imageReference = model<ImageReference>("ImageReference", {
  publisher: required("publisher", string),
  offer: required("offer", string),
  sku: required("sku", string),
  version: optional("version", string, "latest"),
  virtualMachineImageId: optional("virtualMachineImageId", string),
});

/** Table of `VirtualMachineConfiguration`. */
export const virtualMachineConfiguration = model<VirtualMachineConfiguration>("VirtualMachineConfiguration", {
  imageReference: optional("imageReference", object(imageReference)),
});

/** Table of `NodeStateCounts`. */
export const nodeStateCounts = model<NodeStateCounts>("NodeStateCounts", {
  idleNodeCount: readOnly("idleNodeCount", int32()),
  runningNodeCount: readOnly("runningNodeCount", int32()),
  preparingNodeCount: readOnly("preparingNodeCount", int32()),
  unusableNodeCount: readOnly("unusableNodeCount", int32()),
  leavingNodeCount: readOnly("leavingNodeCount", int32()),
});

/** Table of `SetupTask`. */
export const setupTask = model<SetupTask>("SetupTask", {
  commandLine: required("commandLine", string),
  environmentVariables: optional("environmentVariables", arrayOf(object(environmentVariable))),
  secrets: optional("secrets", arrayOf(object(environmentVariableWithSecretValue))),
  stdOutErrPathPrefix: required("stdOutErrPathPrefix", string),
  stdOutErrPathSuffix: readOnly("stdOutErrPathSuffix", string),
});

/** Table of `AppInsightsReference`. */
export const appInsightsReference = model<AppInsightsReference>("AppInsightsReference", {
  component: required("component", object(resourceId)),
  instrumentationKey: secret("instrumentationKey", string),
  instrumentationKeySecretReference: optional("instrumentationKeySecretReference", object(keyVaultSecretReference)),
});

/** Table of `PerformanceCountersSettings`. */
export const performanceCountersSettings = model<PerformanceCountersSettings>("PerformanceCountersSettings", {
  appInsightsReference: required("appInsightsReference", object(appInsightsReference)),
});

/** Table of `NodeSetup`. */
export const nodeSetup = model<NodeSetup>("NodeSetup", {
  setupTask: optional("setupTask", object(setupTask)),
  mountVolumes: optional("mountVolumes", object(mountVolumes)),
  performanceCountersSettings: optional("performanceCountersSettings", object(performanceCountersSettings)),
});

const requiredRows = {
  vmSize: required("properties.vmSize", string),
  userAccountSettings: required("properties.userAccountSettings", object(userAccountSettings)),
};

const optionalRows = {
  vmPriority: optional("properties.vmPriority", vmPriority, "dedicated"),
  scaleSettings: optional("properties.scaleSettings", object(scaleSettings)),
  virtualMachineConfiguration: optional("properties.virtualMachineConfiguration", object(virtualMachineConfiguration)),
  nodeSetup: optional("properties.nodeSetup", object(nodeSetup)),
  subnet: optional("properties.subnet", object(resourceId)),
};

/** Table of `ClusterCreateParameters`. */
export const clusterCreateParameters = model<ClusterCreateParameters>(
  "ClusterCreateParameters",
  withRows([requiredRows, optionalRows], {}),
);

/** Table of `ClusterUpdateParameters`. */
export const clusterUpdateParameters = model<ClusterUpdateParameters>("ClusterUpdateParameters", {
  scaleSettings: optional("properties.scaleSettings", object(scaleSettings)),
});

/** Table of `MissingNodes`. */
export const missingNodes = model<MissingNodes>("MissingNodes", {
  count: always("count", int32()),
  code: always("code", oneOf("UnusableNodes", "NotEnoughGpus", "Shortage")),
  message: always("message", string),
});

/** Table of `ClusterBatchAI`. */
export const clusterBatchAI = model<ClusterBatchAI>("ClusterBatchAI", {
  missingNodes: readOnly("missingNodes", object(missingNodes)),
});

/** Table of `Cluster`. */
export const cluster = model<Cluster>(
  "Cluster",
  withRows([proxyResourceRows, optionalRows], {
    vmSize: optional("properties.vmSize", string),
    userAccountSettings: optional("properties.userAccountSettings", object(userAccountSettings)),
    creationTime: readOnly("properties.creationTime", dateTime),
    provisioningState: readOnly("properties.provisioningState", provisioningState),
    provisioningStateTransitionTime: readOnly("properties.provisioningStateTransitionTime", dateTime),
    allocationState: readOnly("properties.allocationState", oneOf("steady", "resizing")),
    allocationStateTransitionTime: readOnly("properties.allocationStateTransitionTime", dateTime),
    errors: readOnly("properties.errors", arrayOf(object(batchAIError))),
    currentNodeCount: readOnly("properties.currentNodeCount", int32()),
    nodeStateCounts: readOnly("properties.nodeStateCounts", object(nodeStateCounts)),
    batchai: readOnly("properties.batchai", object(clusterBatchAI)),
  }),
);
