import { join } from "node:path/posix";
import type { ContainerSettings } from "../../models/containerSettings.ts";
import type { Job } from "../../models/job.ts";
import type { LaunchContainer, LaunchPlan, LaunchProcess } from "../engines/engine.ts";
import { jobOnNode, stdOutErrDirectoryId, type JobNodeView } from "./jobEnvironment.ts";
import { StartError } from "../startError.ts";
import { mountsBelow, type MountedFolder } from "../volumes/mountPaths.ts";
import { processOn, type NodePlace } from "./node.ts";
import { supportedToolkits, toolTypesOf, unsupportedToolkit } from "../toolkits/toolkits.ts";
import type { ToolkitProcess } from "../toolkits/toolkit.ts";
import type { Environment } from "./variables.ts";

/** What is known when a job gets its nodes. */
export interface JobLaunchContext {
  /** The job as it was accepted: defaults filled in, no secret values. */
  readonly job: Job;
  /** Unique for this attempt; also the name of the scratch directories. */
  readonly runId: string;
  /** Absolute folder of this attempt; visible to all nodes. */
  readonly runDirectory: string;
  /** The nodes that run it, the master first. */
  readonly nodes: readonly NodePlace[];
  /** Absolute folder of this attempt that holds the mounts of the cluster: `$AZ_BATCHAI_MOUNT_ROOT`. */
  readonly clusterMountRoot: string;
  /** Volumes of the cluster. Default: none. */
  readonly clusterMounts?: readonly MountedFolder[];
  /** Volumes of the job. */
  readonly jobMounts: readonly MountedFolder[];
  /** GPUs of each node. Default: 0. */
  readonly gpusPerNode?: number;
  /** Variables that the nodes set themselves, such as `PATH`, for values that use them. Default: none. */
  readonly nodeEnvironment?: Environment;
}

/** How a job is run, and where its output will be. */
export interface JobLaunch {
  readonly plan: LaunchPlan;
  /** Absolute path of each output directory by its id; `stdouterr` is the one of standard output and error. */
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Turns a job into a launch plan.
 * @throws StartError when the job cannot be launched as it was written.
 */
export function planJob(context: JobLaunchContext): JobLaunch {
  const { job, runId, runDirectory, gpusPerNode = 0, clusterMounts = [], nodeEnvironment = {} } = context;
  const jobMountRoot = join(runDirectory, "mounts");
  const sharedTempDirectory = join(runDirectory, "shared");
  const hostFile = join(runDirectory, "hostfile");
  const roots = { jobMountRoot, sharedTempDirectory, hostFile, gpusPerNode, nodeEnvironment };
  const views = context.nodes.map((node) => jobOnNode({ ...context, ...roots }, node));
  const [master] = views;
  if (master === undefined) throw new RangeError("A job cannot be planned without a node.");

  const processes = processesOf(job, context.nodes.length);
  const common = master.environment;
  const single = views.length === 1;
  const plan: LaunchPlan = {
    runId,
    runDirectory,
    nodes: views.map(({ nodeId, address, tempDirectory, outputDirectory }) => {
      const executionLog = join(outputDirectory, single ? "execution.log" : `execution-${nodeId}.log`);
      return { nodeId, address, tempDirectory, executionLog };
    }),
    directories: directoriesOf([context.clusterMountRoot, jobMountRoot, sharedTempDirectory], views),
    files: [{ path: hostFile, content: hostFileOf(context.nodes, Math.max(1, gpusPerNode, processCountOf(job))) }],
    mounts: [
      ...mountsBelow(context.clusterMountRoot, clusterMounts, "properties.nodeSetup.mountVolumes"),
      ...mountsBelow(jobMountRoot, context.jobMounts, "properties.mountVolumes"),
    ],
    environment: common,
    preparation: preparationOf(job, views, common),
    processes: processes.map((process) => processOn(viewOf(views, process), common, process)),
    ...(job.containerSettings === undefined ? {} : { container: containerOf(job.containerSettings) }),
  };
  return { plan, outputs: { ...master.outputs, [stdOutErrDirectoryId]: master.outputDirectory } };
}

function processesOf(job: Job, nodeCount: number): readonly ToolkitProcess[] {
  const unsupported = unsupportedToolkit(job);
  if (unsupported) throw new StartError("UnsupportedToolkit", unsupported.message, { target: unsupported.property });
  const [toolType] = toolTypesOf(job);
  const toolkit = toolType === undefined ? undefined : supportedToolkits[toolType];
  if (toolkit) return toolkit({ job, nodeCount });
  throw new StartError("UnsupportedToolkit", "the job has no toolkit settings: nothing to run.", {
    target: "properties",
  });
}

function viewOf(views: readonly JobNodeView[], process: ToolkitProcess): JobNodeView {
  const view = views[process.node];
  if (view === undefined) throw new RangeError(`A toolkit put a process on node ${process.node} of ${views.length}.`);
  return view;
}

function preparationOf(job: Job, views: readonly JobNodeView[], common: Environment): LaunchProcess[] {
  if (job.jobPreparation === undefined) return [];
  const { commandLine } = job.jobPreparation;
  return views.map((view) => {
    const outputSuffix = views.length === 1 ? "-job_prep" : `-job_prep-${view.nodeId}`;
    return processOn(view, common, { commandLine, environment: {}, outputSuffix });
  });
}

function directoriesOf(roots: readonly string[], views: readonly JobNodeView[]): string[] {
  const ofNodes = views.flatMap((view) => [view.tempDirectory, view.outputDirectory, ...Object.values(view.outputs)]);
  return [...new Set([...roots, ...ofNodes])];
}

/** Open MPI's form: an address and its slots per line; MPI adds up the lines of one address. */
function hostFileOf(nodes: readonly NodePlace[], slotsPerNode: number): string {
  return nodes.map(({ address }) => `${address} slots=${slotsPerNode}\n`).join("");
}

/** Processes that MPI has to find room for on each node. */
function processCountOf(job: Job): number {
  return Math.ceil((job.cntkSettings?.processCount ?? 0) / (job.nodeCount ?? 1));
}

function containerOf({ imageSourceRegistry, shmSize }: ContainerSettings): LaunchContainer {
  const { image, serverUrl, credentials } = imageSourceRegistry;
  return { image, serverUrl, username: credentials?.username, shmSize };
}
