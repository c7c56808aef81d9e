import { join } from "node:path/posix";
import type { SetupTask } from "../../models/cluster.ts";
import type { GpuMaker, LaunchLimits, LaunchMount, LaunchPlan } from "../engines/engine.ts";
import { checkCommandLine } from "./commandLine.ts";
import {
  homeDirectoryOf,
  launchMount,
  launchNode,
  processOn,
  tempDirectoryOf,
  type NodePlace,
  type NodeView,
} from "./node.ts";
import { setupTaskPaths } from "./pathAdvice.ts";
import { containedPath } from "./paths.ts";
import { addDefaults, defaultsOf, type ServiceVariables } from "./serviceVariables.ts";
import { addUserVariables } from "./userVariables.ts";
import { expandPath, pathIn, resolveVariables, type Environment, type VariableDefinition } from "./variables.ts";
import { addGpuVariables } from "./visibleGpus.ts";

/** Everything that the plan of a setup task is made from. */
export interface SetupTaskContext {
  /** The task as it was accepted: with its suffix, without the values of its secrets. */
  readonly setupTask: SetupTask;
  /** Unique for this attempt; also the name of the scratch directory. */
  readonly runId: string;
  /** Absolute folder of this attempt. */
  readonly runDirectory: string;
  /** The node that is set up. */
  readonly node: NodePlace;
  /** Makers whose GPUs the task does not see. Default: none. */
  readonly hiddenMakers?: readonly GpuMaker[];
  /** What the task may use of the machine. Default: as much as there is. */
  readonly limits?: LaunchLimits | undefined;
  /** Folder with the mounts of the cluster: `$AZ_BATCHAI_MOUNT_ROOT`. */
  readonly clusterMountRoot: string;
  /** Mounts of the cluster. Default: none. */
  readonly clusterMounts?: readonly LaunchMount[];
  /** Variables that the node sets itself, such as `PATH`, for values that use them. Default: none. */
  readonly nodeEnvironment?: Environment;
  /** Variables from the options of the service. Default: none. */
  readonly serviceVariables?: ServiceVariables;
}

const stdOutErrVariable = "AZ_BATCHAI_STDOUTERR_DIR";
/** Name of the process that carries out a setup task. */
export const setupTaskName = "setup task";
const taskProperty = "properties.nodeSetup.setupTask";

/**
 * Returns the launch plan of the setup task of a node.
 * @throws StartError if the task cannot be launched as it was written.
 */
export function planSetupTask(context: SetupTaskContext): LaunchPlan {
  const { setupTask, runId, runDirectory, node, clusterMountRoot, clusterMounts = [] } = context;
  const view = taskOnNode(context);
  const homes = context.serviceVariables?.privateHome ? [homeDirectoryOf(node, runId)] : [];
  const { commandLine } = setupTask;
  checkCommandLine(commandLine, `${taskProperty}.commandLine`);
  const process = processOn(view, view.environment, {
    name: setupTaskName,
    commandLine,
    environment: {},
    outputSuffix: `-${node.nodeId}`,
  });
  return {
    runId,
    runDirectory,
    nodes: [launchNode(view, `execution-${node.nodeId}.log`)],
    scratchRoots: [clusterMountRoot],
    directories: [...new Set([clusterMountRoot, view.tempDirectory, view.outputDirectory, ...homes])],
    files: [],
    mounts: clusterMounts.map(launchMount),
    environment: view.environment,
    preparation: [],
    processes: [process],
    ...(context.limits === undefined ? {} : { limits: context.limits }),
  };
}

/** Returns the folder for the output of a setup task. */
export function stdOutErrPathOf({ environment }: LaunchPlan): string {
  return pathIn(environment, stdOutErrVariable);
}

function taskOnNode(context: SetupTaskContext): NodeView {
  const { setupTask, runId, node, clusterMountRoot, nodeEnvironment = {} } = context;
  const defaults = defaultsOf(context, node);
  const definitions = new Map<string, VariableDefinition>([["AZ_BATCHAI_MOUNT_ROOT", () => clusterMountRoot]]);
  definitions.set(stdOutErrVariable, (lookup) => {
    const property = `${taskProperty}.stdOutErrPathPrefix`;
    const prefix = expandPath(setupTask.stdOutErrPathPrefix, lookup, property, setupTaskPaths);
    const folder = containedPath(
      prefix,
      [clusterMountRoot, node.tempRoot],
      property,
      setupTask.stdOutErrPathPrefix,
      setupTaskPaths,
    );
    return join(folder, setupTask.stdOutErrPathSuffix ?? "");
  });
  addUserVariables(definitions, setupTask, taskProperty);
  const gpus = { ...context, nodes: [node] };
  addGpuVariables(definitions, gpus, node, { property: taskProperty, secrets: setupTask.secrets });
  addDefaults(definitions, defaults, setupTask.secrets);
  const environment = resolveVariables(definitions, { ...nodeEnvironment, ...defaults }, taskProperty);
  const outputDirectory = pathIn(environment, stdOutErrVariable);
  return { ...node, tempDirectory: tempDirectoryOf(node, runId), environment, outputDirectory };
}
