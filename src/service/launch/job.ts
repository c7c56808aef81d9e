import type { Job } from "../../models/job.ts";
import type {
  GpuMaker,
  LaunchAllocation,
  LaunchContainer,
  LaunchLimits,
  LaunchMount,
  LaunchPlan,
  LaunchProcess,
} from "../engines/engine.ts";
import { jobOnNode, stdOutErrDirectoryId, type JobNodeView } from "./jobEnvironment.ts";
import { StartError } from "../startError.ts";
import { hostFileOf } from "./hostFile.ts";
import { homeDirectoryOf, launchMount, launchNode, processOn, type NodePlace } from "./node.ts";
import { checkCommandLine } from "./commandLine.ts";
import { commandLinePropertyOf, toolkitIssues, toolkitWorkOf, type ToolkitWork } from "../toolkits/toolkits.ts";
import type { ToolkitContext, ToolkitNode, ToolkitProcess } from "../toolkits/toolkit.ts";
import type { ServiceVariables } from "./serviceVariables.ts";
import type { Environment } from "./variables.ts";
import { gpuVariablesOfAllNodes } from "./visibleGpus.ts";

/** Facts that are known when a job gets its nodes. */
export interface JobLaunchContext {
  /** The job as it was accepted: defaults filled in, no secret values. */
  readonly job: Job;
  /** Unique for this attempt; also the name of the scratch directories. */
  readonly runId: string;
  /** Private folder of this attempt. */
  readonly runDirectory: string;
  /** The nodes that run it, the master first. */
  readonly nodes: readonly NodePlace[];
  /** Folder with the mounts of the cluster: `$AZ_BATCHAI_MOUNT_ROOT`. */
  readonly clusterMountRoot: string;
  /** Mounts of the cluster. Default: none. */
  readonly clusterMounts?: readonly LaunchMount[];
  /** Folders of the job, the same for all of its attempts. */
  readonly jobFolders: JobFolders;
  /** Mounts of the job. Default: none. */
  readonly jobMounts?: readonly LaunchMount[];
  /** Slots in the MPI host file of a node that has no GPU: what its VM size stands for. Default: 1. */
  readonly slotsWithoutGpu?: number | undefined;
  /** Makers whose GPUs the job sees only if its nodes have them. Default: none. */
  readonly hiddenMakers?: readonly GpuMaker[];
  /** What the job may use of the machine. Default: as much as there is. */
  readonly limits?: LaunchLimits | undefined;
  /** What the job asks of Slurm. Default: its nodes are on the machine of the service. */
  readonly allocation?: LaunchAllocation | undefined;
  /** Setup of the hosts that Slurm gives the job. Default: none. */
  readonly hostSetup?: HostSetup | undefined;
  /** Variables that the nodes set themselves, such as `PATH`, for values that use them. Default: none. */
  readonly nodeEnvironment?: Environment;
  /** Variables from the options of the service. Default: none. */
  readonly serviceVariables?: ServiceVariables;
}

/** The setup task of a cluster as a part of its jobs, for nodes whose hosts are unknown before. */
export interface HostSetup {
  /** The task runs once on a host for each key. */
  readonly key: string;
  /** Plan of the setup task for each node. */
  readonly plans: readonly LaunchPlan[];
}

/** Folders of a job; all nodes see them. */
export interface JobFolders {
  /** Folder that contains the others. */
  readonly root: string;
  /** `$AZ_BATCHAI_JOB_MOUNT_ROOT`. */
  readonly mountRoot: string;
  /** `$AZ_BATCHAI_SHARED_JOB_TEMP`. */
  readonly sharedTemp: string;
  /** `$AZ_BATCHAI_MPI_HOST_FILE`. */
  readonly hostFile: string;
}

/** Launch plan of a job, and the place of its output. */
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
  const { job, runId, runDirectory, clusterMountRoot, clusterMounts = [], jobMounts = [], jobFolders } = context;
  const views = context.nodes.map((node) => jobOnNode(context, node));
  const [master] = views;
  if (master === undefined) throw new RangeError("A job cannot be planned without a node.");

  const nodes = context.nodes.map((node, position) => toolkitNode(node, position, context.slotsWithoutGpu ?? 1));
  const { processes, slotsPerNode } = workOf({ job, runId, nodes, sharedTemp: jobFolders.sharedTemp });
  const container = containerOf(job);
  const { hostSetup: { plans: setups } = { plans: [] }, allocation } = context;
  // The variables of the job are not those of the setup task.
  const common = setups.length === 0 ? master.environment : {};
  const homes = context.serviceVariables?.privateHome ? views.map((view) => homeDirectoryOf(view, runId)) : [];
  const single = views.length === 1;
  const plan: LaunchPlan = {
    runId,
    runDirectory,
    nodes: views.map((view) => launchNode(view, single ? "execution.log" : `execution-${view.nodeId}.log`)),
    scratchRoots: [clusterMountRoot, jobFolders.root],
    directories: [
      ...directoriesOf([clusterMountRoot, jobFolders.mountRoot, jobFolders.sharedTemp], views),
      ...homes,
      ...setups.flatMap(({ directories }) => directories),
    ],
    files: [{ path: jobFolders.hostFile, content: hostFileOf(nodes, slotsPerNode) }],
    mounts: [...clusterMounts, ...jobMounts].map(launchMount),
    environment: common,
    preparation: [...setupSteps(context.hostSetup), ...preparationOf(job, views, common)],
    processes: processes.map((process) => {
      const view = viewOf(views, process);
      const environment = process.isForAllNodes ? gpuVariablesOfAllNodes(context, view, views) : {};
      return processOn(view, common, { ...process, environment: { ...environment, ...process.environment } });
    }),
    ...(container === undefined ? {} : { container }),
    ...(context.limits === undefined ? {} : { limits: context.limits }),
    ...(allocation === undefined ? {} : { allocation: { ...allocation, slotsPerNode: slotsOn(nodes, slotsPerNode) } }),
  };
  return { plan, outputs: { ...master.outputs, [stdOutErrDirectoryId]: master.outputDirectory } };
}

function slotsOn(nodes: readonly ToolkitNode[], slotsPerNode: number): number {
  return Math.max(slotsPerNode, ...nodes.map(({ slots }) => slots));
}

function workOf(context: ToolkitContext): ToolkitWork {
  const { job } = context;
  const [issue] = toolkitIssues(job);
  if (issue) throw new StartError("UnsupportedToolkit", issue.message, { target: issue.path });
  const work = toolkitWorkOf(context);
  for (const { commandLine } of work.processes) checkCommandLine(commandLine, commandLinePropertyOf(job));
  return work;
}

function viewOf(views: readonly JobNodeView[], process: ToolkitProcess): JobNodeView {
  const view = views[process.node];
  if (view === undefined) throw new RangeError(`A toolkit put a process on node ${process.node} of ${views.length}.`);
  return view;
}

function preparationOf(job: Job, views: readonly JobNodeView[], common: Environment): LaunchProcess[] {
  if (job.jobPreparation === undefined) return [];
  const { commandLine } = job.jobPreparation;
  checkCommandLine(commandLine, "properties.jobPreparation.commandLine");
  return views.map((view) => {
    const outputSuffix = views.length === 1 ? "-job_prep" : `-job_prep-${view.nodeId}`;
    return processOn(view, common, { name: "job preparation", commandLine, environment: {}, outputSuffix });
  });
}

function setupSteps(setup: HostSetup | undefined): LaunchProcess[] {
  if (setup === undefined) return [];
  return setup.plans.flatMap(({ environment, processes }) =>
    processes.map((process) => ({
      ...process,
      environment: { ...environment, ...process.environment },
      oncePerHost: setup.key,
    })),
  );
}

function directoriesOf(roots: readonly string[], views: readonly JobNodeView[]): string[] {
  const ofNodes = views.flatMap((view) => [view.tempDirectory, view.outputDirectory, ...Object.values(view.outputs)]);
  return [...new Set([...roots, ...ofNodes])];
}

function toolkitNode({ address, gpus }: NodePlace, position: number, slotsWithoutGpu: number): ToolkitNode {
  return { position, slots: gpus.length || slotsWithoutGpu, ...(address === undefined ? {} : { address }) };
}

/** Returns the container in which a job runs; undefined if it runs on the node itself. */
export function containerOf({ containerSettings }: Pick<Job, "containerSettings">): LaunchContainer | undefined {
  if (containerSettings === undefined) return undefined;
  const { imageSourceRegistry, shmSize } = containerSettings;
  const { image, serverUrl, credentials } = imageSourceRegistry;
  return { image, serverUrl, username: credentials?.username, shmSize };
}
