import { join } from "node:path/posix";
import type { ContainerSettings } from "../../models/containerSettings.ts";
import type { Job } from "../../models/job.ts";
import type { LaunchContainer, LaunchMount, LaunchPlan, LaunchProcess } from "../engines/engine.ts";
import { jobOnNode, stdOutErrDirectoryId, type JobNodeView } from "./jobEnvironment.ts";
import { StartError } from "../startError.ts";
import { processOn, type NodePlace } from "./node.ts";
import { hostFileOf } from "./hostFile.ts";
import { plainText, plainVariables } from "./plainText.ts";
import { toolkitIssues, toolkitWorkOf, type ToolkitWork } from "../toolkits/toolkits.ts";
import type { ToolkitNode, ToolkitProcess } from "../toolkits/toolkit.ts";
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
  readonly clusterMounts?: readonly LaunchMount[];
  /** Absolute folder of this attempt that contains the mounts of the job: `$AZ_BATCHAI_JOB_MOUNT_ROOT`. */
  readonly jobMountRoot: string;
  /** Volumes of the job. */
  readonly jobMounts: readonly LaunchMount[];
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
  const sharedTempDirectory = join(runDirectory, "shared");
  const hostFile = join(runDirectory, "hostfile");
  const roots = { sharedTempDirectory, hostFile, gpusPerNode, nodeEnvironment };
  const views = context.nodes.map((node) => jobOnNode({ ...context, ...roots }, node));
  const [master] = views;
  if (master === undefined) throw new RangeError("A job cannot be planned without a node.");

  const toolkitNodes = context.nodes.map(({ address }, position) => ({ position, address, gpuCount: gpusPerNode }));
  const { processes, slotsPerNode } = workOf(job, toolkitNodes);
  const common = master.environment;
  const single = views.length === 1;
  const plan: LaunchPlan = {
    runId,
    runDirectory,
    nodes: views.map(({ nodeId, address, tempDirectory, outputDirectory }) => {
      const executionLog = join(outputDirectory, single ? "execution.log" : `execution-${nodeId}.log`);
      return { nodeId, address, tempDirectory, executionLog };
    }),
    directories: directoriesOf([context.clusterMountRoot, context.jobMountRoot, sharedTempDirectory], views),
    files: [{ path: hostFile, content: plainText(hostFileOf(toolkitNodes, slotsPerNode)) }],
    mounts: [...clusterMounts, ...context.jobMounts].map(({ source, target }) => ({ source, target })),
    environment: common,
    preparation: preparationOf(job, views, common),
    processes: processes.map((process) => {
      const environment = plainVariables(process.environment);
      return processOn(viewOf(views, process), common, { ...process, environment });
    }),
    ...(job.containerSettings === undefined ? {} : { container: containerOf(job.containerSettings) }),
  };
  return { plan, outputs: { ...master.outputs, [stdOutErrDirectoryId]: master.outputDirectory } };
}

function workOf(job: Job, nodes: readonly ToolkitNode[]): ToolkitWork {
  const [issue] = toolkitIssues(job);
  if (issue) throw new StartError("UnsupportedToolkit", issue.message, { target: issue.path });
  return toolkitWorkOf(job, nodes);
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

function containerOf({ imageSourceRegistry, shmSize }: ContainerSettings): LaunchContainer {
  const { image, serverUrl, credentials } = imageSourceRegistry;
  return { image, serverUrl, username: credentials?.username, shmSize };
}
