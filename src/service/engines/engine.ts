/**
 * The contract between the scheduler and whatever carries out work: processes of this machine today, containers and
 * Slurm next. An engine knows launch plans and handles; it knows nothing of clusters, queues or HTTP.
 */

import type { NameValuePair } from "../../models/error.ts";

/** One node that takes part in a run. */
export interface LaunchNode {
  /** The node's id as the API shows it, for example `tvm-1842_1-20180606t183926z`. */
  readonly nodeId: string;
  /** Address under which the other nodes of the run reach it. */
  readonly address: string;
  /** Scratch directory of the run on this node; the working directory of what runs there. */
  readonly tempDirectory: string;
  /** Absolute path of the log in which the engine notes what it did on this node, for the owner of the run to read. */
  readonly executionLog: string;
}

/** A folder that has to be visible at another path while the run lasts. */
export interface LaunchMount {
  /** Absolute path of the folder that is mounted. */
  readonly source: string;
  /** Absolute path where the run finds it. */
  readonly target: string;
}

/** One command line that the engine runs through `bash -c`. */
export interface LaunchProcess {
  /** Node on which it runs. */
  readonly nodeId: string;
  /** Command line exactly as the user wrote it; the shell expands its variables. */
  readonly commandLine: string;
  /** Variables of this process alone, on top of {@link LaunchPlan.environment}. */
  readonly environment: Readonly<Record<string, string>>;
  /** Absolute path of the file that receives standard output, after what an earlier attempt left in it. */
  readonly stdout: string;
  /** Absolute path of the file that receives standard error, after what an earlier attempt left in it. */
  readonly stderr: string;
}

/** The container in which every process of a plan runs. */
export interface LaunchContainer {
  /** Image reference, registry included. */
  readonly image: string;
  /** Server of the registry when it is not the default one. */
  readonly serverUrl?: string;
  /** User name for the registry; the password travels with the secrets. */
  readonly username?: string;
  /** Size of `/dev/shm` in Docker syntax, for example `16gb`. */
  readonly shmSize?: string;
}

/**
 * Everything an engine is told about one run: a job, or the set-up task of a node. Plain JSON without secrets, so it
 * can be logged, stored and handed to another process.
 */
export interface LaunchPlan {
  /** Unique for each attempt to run; never used twice, so that two attempts can never be mixed up. */
  readonly runId: string;
  /** Absolute path of a folder that belongs to this run alone: the engine's own files (claim, exit file) live in it. */
  readonly runDirectory: string;
  /** The nodes that run it; the first one is the master. */
  readonly nodes: readonly LaunchNode[];
  /** Absolute paths of directories that must exist before anything runs, made in this order after the mounts. */
  readonly directories: readonly string[];
  /** Small text files that must exist before anything runs, such as the MPI host file. */
  readonly files: readonly { readonly path: string; readonly content: string }[];
  /** Folders to mount before anything runs; unmounted when the run is cleaned up. */
  readonly mounts: readonly LaunchMount[];
  /** Variables of every process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Run on every node, all of them to success, before the first process starts. Empty: nothing to prepare. */
  readonly preparation: readonly LaunchProcess[];
  /** The processes themselves; the first one decides the exit code, and when it ends the others are ended. */
  readonly processes: readonly LaunchProcess[];
  /** Container of all processes; absent: they run on the node itself. */
  readonly container?: LaunchContainer;
}

/** What a run needs and must never reach a disk or a log in clear. */
export interface LaunchSecrets {
  /** Secret variables, for every process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Password of {@link LaunchContainer.username}. */
  readonly registryPassword?: string;
}

/**
 * How an engine finds a run again after the service was restarted. Opaque to everyone but the engine that made it;
 * plain JSON, stored before the run starts.
 */
export interface RunHandle {
  /** Name of the engine that made it. */
  readonly engine: string;
  /** Version of the engine's own part, so that a newer engine still reads an older handle. */
  readonly version: number;
  readonly [detail: string]: unknown;
}

/** How a run ended. */
export type RunExit =
  /** A command ended by itself (`exitCode` as a shell reports it: 128 + signal number when a signal ended it). */
  | { readonly kind: "exited"; readonly phase: "preparation" | "processes"; readonly exitCode: number }
  /** The engine ended it because {@link Engine.stop} was called. */
  | { readonly kind: "stopped" }
  /** It could not be started, or what ran it vanished without leaving an exit file. */
  | {
      readonly kind: "failed";
      readonly code: string;
      readonly message: string;
      readonly details?: readonly NameValuePair[];
    };

/** What an engine knows about a run right now. */
export type RunState =
  /** It never started, and from now on it never will: starting it again under a new run id is safe. */
  { readonly kind: "notStarted" } | { readonly kind: "running" } | { readonly kind: "ended"; readonly exit: RunExit };

/** What an engine found on this machine. */
export interface EngineFingerprint {
  /** Whether it can run anything at all. */
  readonly healthy: boolean;
  /** Whether it runs plans with a {@link LaunchPlan.container}. */
  readonly containers: boolean;
  /** One sentence for people: what was found, or what is missing. */
  readonly description: string;
}

/** Carries out launch plans. All methods are idempotent and may be called in any order after a restart. */
export interface Engine {
  /** Name in handles, options and logs. */
  readonly name: string;
  /** Looks at the machine; cheap enough to call at every start of the service. */
  fingerprint(): Promise<EngineFingerprint>;
  /** Variables that the engine's nodes set themselves, such as `PATH`, for variables of jobs that use them. */
  nodeEnvironment(): Readonly<Record<string, string>>;
  /** Makes the handle of a run that has not started yet. No side effects: the caller stores it, then starts. */
  handleFor(plan: LaunchPlan): RunHandle;
  /**
   * Starts a run whose handle has been stored. Resolves once the run is under way; what keeps it from running is
   * reported by {@link Engine.wait}, not thrown.
   */
  start(plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void>;
  /**
   * Looks for a run that another life of the service may have started. Answers `notStarted` only after making sure that
   * it can never start any more.
   */
  recover(handle: RunHandle): Promise<RunState>;
  /** Waits for the end of a run that was started or recovered. Rejects only with an `AbortError`. */
  wait(handle: RunHandle, abortSignal?: AbortSignal): Promise<RunExit>;
  /** Ends the whole process tree: politely first, by force after a grace period. Resolves when nothing is left. */
  stop(handle: RunHandle): Promise<void>;
  /** Removes what the engine kept for a run that has ended: its private files and mounts, never the run's output. */
  cleanUp(handle: RunHandle): Promise<void>;
  /** Lets go of the engine's own resources; running runs go on. */
  close(): Promise<void>;
}
