import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../logger.ts";
import { silentLogger } from "../../logger.ts";
import type { StartError } from "../../startError.ts";
import type {
  Engine,
  EngineProbe,
  LaunchPlan,
  LaunchSecrets,
  RunEnd,
  RunHandle,
  RunNeeds,
  RunState,
  Surroundings,
  WaitOptions,
} from "../engine.ts";
import { bashVersion, findBash } from "./bash.ts";
import { releasePorts } from "../supervisor/freePorts.ts";
import { RunFiles } from "../supervisor/runFiles.ts";
import { type RunContext, SupervisedRun } from "../supervisor/supervisedRun.ts";
import { ranNothing } from "../supervisor/supervisorScript.ts";
import { noRoom } from "../supervisor/runEnds.ts";
import { LauncherClient } from "./launcherClient.ts";
import { RunLimits, type RunLimitsOptions } from "./limits/runLimits.ts";
import { containerObjection } from "./localPlan.ts";
import { LocalRun, type LocalRunContext, type LocalRunDetails } from "./localRun.ts";
import type { SupervisorExit } from "./launcherMessages.ts";
import { nodeEnvironment } from "./nodeEnvironment.ts";

/** Options of a {@link ProcessEngine}. */
export interface ProcessEngineOptions extends Pick<RunLimitsOptions, "machine"> {
  /** Folder that contains the folder of each run, by the ID of the run. It may be another one after a restart. */
  readonly runsFolder: string;
  /** Time between the polite request to end and the end by force, in milliseconds. Default: 5000. */
  readonly gracePeriodInMs?: number;
  /**
   * Time in which the other processes of a run may end by themselves after the first one has succeeded, in milliseconds.
   * Default: 60000.
   */
  readonly finishPeriodInMs?: number;
  /** Called with what the engine does. Default: nothing is logged. */
  readonly logger?: Logger;
}

const engineName = "process";
/**
 * Version 1 also had the mounts of the run, which its engine created and removed. Up to version 2, the engine's own
 * files were in the folder `engine` of the run's folder.
 */
const handleVersion = 3;

/** Time between two looks at a run whose end no launcher reports, in milliseconds. */
const lookIntervalInMs = 250;

/** Runs plans as processes of this machine. */
export class ProcessEngine implements Engine {
  readonly name = engineName;
  readonly queues = false;
  readonly #runsFolder: string;
  readonly #launcher: LauncherClient;
  readonly #runs = new Map<string, SupervisedRun<LocalRun>>();
  readonly #closing = new AbortController();
  readonly #background = new Set<Promise<void>>();
  readonly #context: RunContext & LocalRunContext;

  constructor(options: ProcessEngineOptions) {
    const { runsFolder, gracePeriodInMs = 5000, finishPeriodInMs = 60_000, logger = silentLogger } = options;
    const limits = new RunLimits({ ...options, logger, closing: this.#closing.signal });
    this.#runsFolder = runsFolder;
    this.#launcher = new LauncherClient(
      {
        onExit: (exit) => this.#supervisorEnded(exit),
        onLost: () => this.#runs.forEach((run) => run.lookForEnd()),
      },
      logger,
    );
    this.#context = {
      launcher: this.#launcher,
      limits,
      closing: this.#closing.signal,
      background: this.#background,
      gracePeriodInMs,
      finishPeriodInMs,
      lookIntervalInMs,
      exitIntervalInMs: lookIntervalInMs,
      logger,
    };
  }

  async probe(): Promise<EngineProbe> {
    const problem = await whyUnusable();
    if (problem !== undefined) return { usable: false, description: problem };
    await this.#context.limits.ways();
    this.#launcher.warmUp();
    return { usable: true, description: "Runs jobs as processes of this machine, without containers." };
  }

  objection(needs: RunNeeds): StartError | undefined {
    return containerObjection(needs);
  }

  async surroundings(): Promise<Surroundings> {
    return { environment: nodeEnvironment() };
  }

  async reserve(plan: LaunchPlan): Promise<void> {
    const objection = containerObjection(plan);
    if (objection) throw objection;
    const run = this.#run(this.handleFor(plan));
    try {
      await run.reserve(plan);
    } catch (error) {
      releasePorts(run.runId);
      this.#runs.delete(run.runId); // It has no handle, so nobody will clean it up.
      throw error;
    }
  }

  handleFor({ runId, nodes }: LaunchPlan): RunHandle {
    const executionLogs = nodes.map(({ executionLog }) => executionLog);
    return { engine: engineName, version: handleVersion, runId, executionLogs };
  }

  reads(version: number): boolean {
    return version >= 1 && version <= handleVersion;
  }

  start(_plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
    return this.#run(handle).start(secrets);
  }

  recover(handle: RunHandle): Promise<RunState> {
    return this.#run(handle).recover();
  }

  wait(handle: RunHandle, { onState, abortSignal }: WaitOptions = {}): Promise<RunEnd> {
    onState?.({ kind: "running" });
    return this.#run(handle).wait(abortSignal);
  }

  stop(handle: RunHandle): Promise<void> {
    return this.#run(handle).stop();
  }

  async cleanUp(handle: RunHandle): Promise<void> {
    const run = this.#run(handle);
    await run.cleanUp();
    this.#runs.delete(run.runId);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#launcher.close();
    await Promise.all(this.#background);
    for (const runId of this.#runs.keys()) releasePorts(runId);
  }

  #supervisorEnded(exit: SupervisorExit): void {
    const run = this.#runs.get(exit.runId);
    run?.body.supervisorEnded(exit);
    run?.supervisorEnded(exit.exitCode === ranNothing ? noRoom : undefined);
  }

  #run(handle: RunHandle): SupervisedRun<LocalRun> {
    const details = this.#detailsIn(handle);
    const known = this.#runs.get(details.runId);
    if (known) return known;
    const hasPlan = handle.version >= 3;
    const folder = join(this.#runsFolder, details.runId, hasPlan ? "" : "engine");
    const files = new RunFiles(folder, hasPlan);
    const run = new SupervisedRun(
      { ...details, files, body: new LocalRun(details, folder, this.#context) },
      this.#context,
    );
    this.#runs.set(run.runId, run);
    return run;
  }

  #detailsIn(handle: RunHandle): LocalRunDetails {
    if (handle.engine === engineName && this.reads(handle.version)) return handle as RunHandle & LocalRunDetails;
    throw new TypeError(
      `The ${engineName} engine cannot read a handle of ${handle.engine}, version ${handle.version}.`,
    );
  }
}

async function whyUnusable(): Promise<string | undefined> {
  const hasProcesses = await access("/proc/self/stat").then(
    () => true,
    () => false,
  );
  if (!hasProcesses) return `Processes on ${process.platform} cannot be followed: that needs Linux and its /proc.`;
  const bash = await findBash();
  if (bash === undefined) return "bash was not found on the PATH of the service. Install bash.";
  const [major, minor] = await bashVersion(bash);
  if (major > 4 || (major === 4 && minor >= 4)) return undefined;
  return `${bash} has version ${major}.${minor}, and 4.4 or later is needed.`;
}
