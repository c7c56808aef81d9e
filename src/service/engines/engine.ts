/**
 * The contract between the scheduler and an engine: processes of this machine, containers, and Slurm. An engine knows
 * launch plans and handles; it knows nothing of clusters, queues of jobs or HTTP.
 */
import type { NameValuePair } from "../../models/error.ts";
import type { StartError } from "../startError.ts";

/**
 * A text of a plan. Parts that are unknown until the run has its nodes are segments, which the engine fills in at the
 * start. The engine never searches a text of the user for anything.
 */
export type LaunchText = string | readonly LaunchSegment[];

/** A part of a {@link LaunchText}. */
export type LaunchSegment =
  | string
  /** Address of the node at this position in {@link LaunchPlan.nodes}. */
  | { readonly host: number }
  /** Name of this node, as the queueing system of the engine calls it. The same as the address if there is none. */
  | { readonly hostName: number }
  /** A free port; the same number means the same port in the whole plan, different numbers different ports. */
  | { readonly port: number };

/** Maker of GPUs. The programs for the GPUs of each maker have a variable of their own by which they find them. */
export type GpuMaker = "nvidia" | "amd";

/** A GPU that a run may use. */
export interface LaunchGpu {
  /** Position of the GPU on its machine, in the order of PCI buses. Parts of one GPU have the same. */
  readonly index: number;
  /** Unique ID, by which engines and containers find it. */
  readonly uuid: string;
  /** Maker of the GPU. Absent: NVIDIA. */
  readonly vendor?: "amd";
  /** Present if it is a part of a GPU (MIG), which programs find only by its UUID. */
  readonly isPart?: true;
}

/** What a run may use of the machine, all of its nodes together. Absent: as much as there is. */
export interface LaunchLimits {
  /** Number of cores; at most those of the machine. */
  readonly cores?: number;
  /** Memory in bytes; at most that of the machine. */
  readonly memoryInBytes?: number;
}

/** What a run asks of Slurm: one allocation for all of its nodes. Values have only letters, digits and `_./:=,@+-`. */
export interface LaunchAllocation {
  readonly partition?: string;
  readonly account?: string;
  readonly qos?: string;
  readonly constraint?: string;
  /** Type of the GPUs, as Slurm names it. Absent: any. */
  readonly gpuType?: string;
  /** Further options of `sbatch`, each as `--name` or `--name=value`. */
  readonly extraOptions?: readonly string[];
  /** Folder on the disk of each node that holds the scratch directories. Absent: those of the plan. */
  readonly scratchDirectory?: string;
  readonly gpusPerNode: number;
  /** Number of processes that MPI may start on each node. Default: 1. */
  readonly slotsPerNode?: number;
  /** Absent: what Slurm gives by default; the same for the memory. */
  readonly coresPerNode?: number;
  readonly memoryPerNodeInBytes?: number;
  /** From -1000 to 1000; jobs with a higher one come first. Absent: 0. */
  readonly priority?: number;
  /** Time after which Slurm may end the run. Absent: that of the partition. */
  readonly timeLimitInSeconds?: number;
}

/** One node that takes part in a run. */
export interface LaunchNode {
  /** The node's ID as the API shows it, for example `tvm-1842_1-20180606t183926z`. */
  readonly nodeId: string;
  /** Address at which the other nodes of the run reach it. Absent if only the start of the run decides it. */
  readonly address?: string;
  /** GPUs that the run may use on this node. */
  readonly gpus: readonly LaunchGpu[];
  /** Scratch directory of the run on this node; the working directory of its processes. */
  readonly tempDirectory: string;
  /** Absolute path of the log in which the engine reports to the owner of the run what it did on this node. */
  readonly executionLog: string;
}

/**
 * A folder that a symbolic link shows at another path. The service creates the link before the start; an engine that
 * isolates a run must make both paths visible to it.
 */
export interface LaunchMount {
  /** Absolute path of the folder. */
  readonly source: string;
  /** Absolute path of the link. */
  readonly target: string;
  /** Present if the folder is a file system that the service has mounted: it may stop responding at any time. */
  readonly isMount?: true;
}

/** One command line that the engine runs through `bash -c`. */
export interface LaunchProcess {
  /** Name for people, in logs and errors: `worker 1`, `rank 2`. */
  readonly name: string;
  /** Whether it never ends by itself, as a parameter server: the run does not wait for it. */
  readonly isServer?: true;
  /**
   * Present if it runs only once on a host with this key, until the host starts again: other runs with the same key do not
   * repeat it after it has succeeded. It runs on the host itself, also if the plan has a container. Only in
   * {@link LaunchPlan.preparation}.
   */
  readonly oncePerHost?: string;
  /** Node on which it runs. */
  readonly nodeId: string;
  /** Command line exactly as the user wrote it; the shell expands its variables. */
  readonly commandLine: string;
  /** Variables of this process alone, on top of {@link LaunchPlan.environment}. */
  readonly environment: Readonly<Record<string, LaunchText>>;
  /** Absolute path of the file to which standard output is appended. */
  readonly stdout: string;
  /** Absolute path of the file to which standard error is appended. */
  readonly stderr: string;
}

/** The container in which every process of a plan runs. */
export interface LaunchContainer {
  /** Image reference, registry included. */
  readonly image: string;
  /** Server of the registry. Absent: the default registry. */
  readonly serverUrl?: string;
  /** User name for the registry; the password is one of the {@link LaunchSecrets}. */
  readonly username?: string;
  /** Size of `/dev/shm` in Docker syntax, for example `16gb`. */
  readonly shmSize?: string;
}

/**
 * Everything that an engine needs to know about one run: a job, or the setup task of a node. Plain JSON without
 * secrets, so it can be logged, stored and handed to another process. All paths are absolute and mean the same place on
 * every node and inside the container.
 */
export interface LaunchPlan {
  /** Unique for each attempt to run, and never used twice, so two attempts cannot be mixed up. */
  readonly runId: string;
  /** Folder that belongs to this run alone: the engine's own files (claim, exit file) are in it. */
  readonly runDirectory: string;
  /** The nodes that run it; the first one is the master. */
  readonly nodes: readonly LaunchNode[];
  /**
   * Folders outside of volumes in which the run may have directories. A directory in one of them, or in a volume, is
   * never created through a symbolic link that leads out of it.
   */
  readonly scratchRoots: readonly string[];
  /** Directories that must exist before anything runs, in the order in which the engine creates them. */
  readonly directories: readonly string[];
  /** Small text files that must exist before anything runs, such as the MPI host file. */
  readonly files: readonly { readonly path: string; readonly content: LaunchText }[];
  /** Links that the service has created for this run. */
  readonly mounts: readonly LaunchMount[];
  /** Variables of every process. */
  readonly environment: Readonly<Record<string, LaunchText>>;
  /**
   * Run before the first process starts, all of them to success. Those on one machine run one after the other in this
   * order, because they meet at locks of the machine, for example that of apt. Empty: nothing to prepare.
   */
  readonly preparation: readonly LaunchProcess[];
  /**
   * The processes themselves; the first one is the master. The run ends when the master has ended, or when any process
   * has failed: then the engine stops the others, and the exit code is that of the process that failed first. If the master
   * has succeeded, the others get a while to end by themselves, and servers are stopped after them; a failure in that time
   * still is the end of the run.
   */
  readonly processes: readonly LaunchProcess[];
  /** Container of all processes. Absent: they run on the node itself. */
  readonly container?: LaunchContainer;
  /** Limits of the run, as far as the engine can enforce them. Absent: none. */
  readonly limits?: LaunchLimits;
  /** What it asks of Slurm; its nodes then have neither addresses nor GPUs. Absent: it runs on this machine. */
  readonly allocation?: LaunchAllocation;
}

/** What is known of a plan before it is made, and by which an engine is chosen. */
export interface RunNeeds extends Pick<LaunchPlan, "container" | "allocation"> {
  /** Number of GPUs of all nodes together. Default: 0. */
  readonly gpuCount?: number;
}

/**
 * Secrets of a run. They never reach a log, a command line or a description of a container. An engine that must pass them
 * through a file makes it readable only by the service's user, and removes it before the first command of the run.
 */
export interface LaunchSecrets {
  /** Secret variables, for every process but those with {@link LaunchProcess.oncePerHost}. */
  readonly environment: Readonly<Record<string, string>>;
  /** Secret variables of the steps that run once per host, which have no others. Absent: none. */
  readonly oncePerHost?: Readonly<Record<string, string>>;
  /** Password of {@link LaunchContainer.username}. */
  readonly registryPassword?: string;
}

/**
 * Describes a run so that its engine finds it after a restart of the service. Opaque to everyone but the engine that
 * made it; plain JSON, stored before the run starts.
 */
export interface RunHandle {
  /** Name of the engine that made it. */
  readonly engine: string;
  /** Version of the engine's own part; a newer engine reads older handles. */
  readonly version: number;
  readonly [detail: string]: unknown;
}

/** The process that made a run fail. */
export type FailedProcess = Pick<LaunchProcess, "name" | "nodeId" | "stderr">;

/** End of a run whose commands ended by themselves. */
export interface RunExit {
  readonly kind: "exited";
  readonly phase: "preparation" | "processes";
  /** Exit code as a shell reports it: 128 + signal number if a signal ended the process. */
  readonly exitCode: number;
  /** Absent if the exit code is 0, or if the engine does not know the process. */
  readonly process?: FailedProcess;
  /** Present if the system killed processes of the run because it had reached its memory limit. */
  readonly outOfMemory?: { readonly limitInBytes?: number };
}

/** End of a run. */
export type RunEnd =
  | RunExit
  /** The engine stopped it because {@link Engine.stop} was called. */
  | { readonly kind: "stopped" }
  /** It could not be started, or what ran it vanished without an exit file. */
  | {
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      readonly details?: readonly NameValuePair[];
    }
  /** It was running, and something outside of it ended it: preemption, or a fault of a node. It may run again under a new run ID. */
  | { readonly kind: "interrupted"; readonly reason: string; readonly isFault: boolean }
  /** It never started and never will: starting it under a new run ID is safe. `reason`: what the start lacked. */
  | { readonly kind: "notStarted"; readonly reason?: string };

/** State of a run at one moment. */
export type RunState =
  /** The engine has accepted it and has not started it yet; `reason` is one sentence for people. */
  | { readonly kind: "waiting"; readonly reason?: string }
  /** It runs. `startedOn` and the `addresses` of its nodes are present if the engine decided them. */
  | { readonly kind: "running"; readonly startedOn?: Date; readonly addresses?: readonly string[] }
  | { readonly kind: "ended"; readonly end: RunEnd };

/** Options of {@link Engine.wait}. */
export interface WaitOptions {
  /** Called with the state of the run when the wait begins, and after each change while it waits or runs. Must not throw. */
  readonly onState?: (state: RunState) => void;
  /** Ends the wait, not the run. */
  readonly abortSignal?: AbortSignal;
}

/** Result of {@link Engine.probe}. */
export interface EngineProbe {
  /** Whether the engine can run anything at all. */
  readonly usable: boolean;
  /** One sentence for people: what was found, or what is missing. */
  readonly description: string;
}

/** Options of {@link Engine.surroundings}. */
export interface SurroundingsOptions {
  /** Secrets of the run, for a registry that asks for a password. */
  readonly secrets?: LaunchSecrets;
  /** Receives sentences for the execution log, for example the progress of a download. Must not throw. */
  readonly report?: (text: string) => void;
  readonly abortSignal?: AbortSignal;
}

/** The surroundings in which the processes of a run start. */
export interface Surroundings {
  /** Variables that nodes or image set themselves, such as `PATH`; values of jobs may refer to them. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Carries out launch plans. All methods are idempotent and may be called in any order after a restart. */
export interface Engine {
  /** Name in handles, options and logs. */
  readonly name: string;
  /** Whether a started run may wait in a queue of the engine's own before it runs. */
  readonly queues: boolean;
  /** Looks at the machine; cheap enough to call at every start of the service. */
  probe(): Promise<EngineProbe>;
  /** Returns why the engine cannot carry out a plan with these needs; undefined if it can. */
  objection(needs: RunNeeds): StartError | undefined;
  /** Finds the surroundings of a run. May wait, for example for an image. Rejects with a {@link StartError}. */
  surroundings(needs: RunNeeds, options?: SurroundingsOptions): Promise<Surroundings>;
  /**
   * Writes to the folder of a run what its start needs. Nothing runs yet. Called before the handle is stored, so a run
   * whose files do not exist later was damaged, and has not merely not started. Rejects with a {@link StartError}.
   */
  reserve(plan: LaunchPlan): Promise<void>;
  /** Creates the handle of a run that has not started yet. No side effects: the caller stores it, then starts. */
  handleFor(plan: LaunchPlan): RunHandle;
  /** Whether the engine can read a handle of this version. */
  reads(version: number): boolean;
  /**
   * Starts a run that this engine has reserved and whose handle has been stored. Resolves once the run is in the engine's
   * hands; {@link Engine.wait} reports what keeps it from running.
   */
  start(plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void>;
  /**
   * Looks for a run that an earlier process of the service may have started. Returns `notStarted` only after making
   * sure that it can never start.
   */
  recover(handle: RunHandle): Promise<RunState>;
  /**
   * Waits for the end of a run that was started or recovered: then none of its processes is left, and nothing holds its
   * mounts. Rejects only with an `AbortError`.
   */
  wait(handle: RunHandle, options?: WaitOptions): Promise<RunEnd>;
  /** Stops the whole process tree: politely first, by force after a grace period. Resolves when nothing is left. */
  stop(handle: RunHandle): Promise<void>;
  /** Removes the engine's own files of a run that has ended, with the folder of the run, never the run's output. */
  cleanUp(handle: RunHandle): Promise<void>;
  /** Releases the engine's own resources; runs continue. */
  close(): Promise<void>;
}
