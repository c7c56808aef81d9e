import { join } from "node:path/posix";
import type { InputDirectory, Job, OutputDirectory } from "../../models/job.ts";
import type { GpuMaker, LaunchAllocation, LaunchText } from "../engines/engine.ts";
import { StartError } from "../startError.ts";
import { toolkitVariablesOf } from "../toolkits/toolkits.ts";
import { hostNameOf, tempDirectoryOf, type NodePlace, type NodeView } from "./node.ts";
import { containedChild, containedPath } from "./paths.ts";
import { addDefaults, defaultsOf, type ServiceVariables } from "./serviceVariables.ts";
import { addUserVariables } from "./userVariables.ts";
import {
  expandPath,
  joinedText,
  pathIn,
  resolveVariables,
  type Environment,
  type VariableDefinition,
} from "./variables.ts";
import { addGpuVariables } from "./visibleGpus.ts";

/** The output directory id under which the API lists standard output and standard error. */
export const stdOutErrDirectoryId = "stdouterr";

/** Facts from which the variables of a job follow. */
export interface JobEnvironmentContext {
  readonly job: Job;
  readonly runId: string;
  readonly nodes: readonly NodePlace[];
  /** Makers whose GPUs the job sees only if its nodes have them. Default: none. */
  readonly hiddenMakers?: readonly GpuMaker[];
  /** What the job asks of Slurm. Default: its nodes are on the machine of the service. */
  readonly allocation?: Pick<LaunchAllocation, "gpusPerNode"> | undefined;
  readonly clusterMountRoot: string;
  readonly jobFolders: { readonly mountRoot: string; readonly sharedTemp: string; readonly hostFile: string };
  /** Variables that the nodes set themselves, such as `PATH`. Default: none. */
  readonly nodeEnvironment?: Environment;
  /** Variables from the options of the service. Default: none. */
  readonly serviceVariables?: ServiceVariables;
}

/** The variables of a job and its directories as they are on one node. */
export interface JobNodeView extends NodeView {
  /** Absolute path of each output directory by its id. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** Returns all variables of a job on one node. They may use each other: all are defined before any is read. */
export function jobOnNode(context: JobEnvironmentContext, node: NodePlace): JobNodeView {
  const { job, nodeEnvironment = {} } = context;
  const defaults = defaultsOf(context, node);
  const outputDirectories = checkedOutputs(job.outputDirectories ?? []);
  const definitions = new Map<string, VariableDefinition>();
  for (const [name, value] of Object.entries(variablesOfRun(context, node))) definitions.set(name, () => value);
  definePaths(definitions, context, node, outputDirectories);
  addUserVariables(definitions, job, "properties", toolkitVariablesOf(job));
  const gpus = { ...context, inContainer: job.containerSettings !== undefined };
  addGpuVariables(definitions, gpus, node, { property: "properties", secrets: job.secrets });
  addDefaults(definitions, defaults, job.secrets);
  const environment = resolveVariables(definitions, { ...nodeEnvironment, ...defaults }, "properties");
  const outputs = outputDirectories.map(({ id }): [string, string] => [id, pathIn(environment, outputVariable(id))]);
  return {
    ...node,
    tempDirectory: tempDirectoryOf(node, context.runId),
    environment,
    outputDirectory: pathIn(environment, stdOutErrVariable),
    outputs: Object.fromEntries(outputs),
  };
}

const stdOutErrVariable = "AZ_BATCHAI_STDOUTERR_DIR";
const inputVariable = (id: string): string => `AZ_BATCHAI_INPUT_${id}`;
const outputVariable = (id: string): string => `AZ_BATCHAI_OUTPUT_${id}`;

function variablesOfRun(context: JobEnvironmentContext, node: NodePlace): Environment {
  return {
    AZ_BATCHAI_MOUNT_ROOT: context.clusterMountRoot,
    AZ_BATCHAI_JOB_MOUNT_ROOT: context.jobFolders.mountRoot,
    AZ_BATCHAI_JOB_TEMP: tempDirectoryOf(node, context.runId),
    AZ_BATCHAI_JOB_TEMP_DIR: node.tempRoot,
    AZ_BATCHAI_SHARED_JOB_TEMP: context.jobFolders.sharedTemp,
    AZ_BATCHAI_MPI_HOST_FILE: context.jobFolders.hostFile,
    AZ_BATCH_HOST_LIST: hostListOf(context.nodes),
    AZ_BATCHAI_NUM_GPUS: String(context.allocation?.gpusPerNode ?? node.gpus.length),
  };
}

function hostListOf(nodes: readonly NodePlace[]): LaunchText {
  return joinedText(nodes.flatMap((_, position) => [position === 0 ? "" : ",", hostNameOf(nodes, position)]));
}

function definePaths(
  definitions: Map<string, VariableDefinition>,
  context: JobEnvironmentContext,
  node: NodePlace,
  outputDirectories: readonly OutputDirectory[],
): void {
  const { job } = context;
  const segment = job.jobOutputDirectoryPathSegment ?? "";
  const { mountRoot, sharedTemp } = context.jobFolders;
  const roots = [context.clusterMountRoot, mountRoot, node.tempRoot, sharedTemp];

  definitions.set(stdOutErrVariable, (lookup) => {
    const property = "properties.stdOutErrPathPrefix";
    const prefix = expandPath(job.stdOutErrPathPrefix ?? "", lookup, property);
    return join(containedPath(prefix, roots, property, job.stdOutErrPathPrefix ?? ""), segment, "stdouterr");
  });
  outputDirectories.forEach(({ id, pathPrefix, pathSuffix = "" }, index) => {
    const property = `properties.outputDirectories[${index}]`;
    definitions.set(outputVariable(id), (lookup) => {
      const prefix = expandPath(pathPrefix, lookup, `${property}.pathPrefix`);
      const folder = join(containedPath(prefix, roots, `${property}.pathPrefix`, pathPrefix), segment, "outputs");
      return containedChild(folder, expandPath(pathSuffix, lookup, `${property}.pathSuffix`), `${property}.pathSuffix`);
    });
  });
  checkedInputs(job.inputDirectories ?? []).forEach(({ id, path }, index) => {
    definitions.set(inputVariable(id), (lookup) => {
      return expandPath(path, lookup, `properties.inputDirectories[${index}].path`);
    });
  });
}

function checkedOutputs(directories: readonly OutputDirectory[]): readonly OutputDirectory[] {
  checkIds(directories, "properties.outputDirectories");
  const reserved = directories.findIndex(({ id }) => id === stdOutErrDirectoryId);
  if (reserved === -1) return directories;
  const message = `the id ${stdOutErrDirectoryId} means the job's standard output. Choose another one.`;
  throw new StartError("InvalidOutputDirectory", message, {
    target: `properties.outputDirectories[${reserved}].id`,
  });
}

function checkedInputs(directories: readonly InputDirectory[]): readonly InputDirectory[] {
  checkIds(directories, "properties.inputDirectories");
  return directories;
}

/** IDs become parts of variable names and must tell the directories apart. */
function checkIds(directories: readonly { readonly id: string }[], property: string): void {
  const used = new Set<string>();
  directories.forEach(({ id }, index) => {
    const target = `${property}[${index}].id`;
    if (!/^[^=\0]+$/.test(id)) {
      throw new StartError("InvalidEnvironmentVariable", `"${id}" cannot be part of a variable's name.`, { target });
    }
    if (used.has(id)) {
      const message = `the id ${id} is used twice. Give each directory its own.`;
      throw new StartError("InvalidOutputDirectory", message, { target });
    }
    used.add(id);
  });
}
