import { access } from "node:fs/promises";
import type { Logger } from "../../logger.ts";
import { silentLogger } from "../../logger.ts";
import { bashVersion, findBash } from "./bash.ts";
import type { Engine, EngineFingerprint, LaunchPlan, LaunchSecrets, RunExit, RunHandle, RunState } from "../engine.ts";
import { nodeEnvironment } from "./nodeEnvironment.ts";
import { LauncherClient } from "./launcherClient.ts";
import { LocalRun, type LocalRunContext, type LocalRunDetails } from "./localRun.ts";

/** How a {@link ProcessEngine} behaves. */
export interface ProcessEngineOptions {
  /** Time between the polite request to end and the end by force, in milliseconds. Default: 5000. */
  readonly gracePeriodInMs?: number;
  /** Where the engine tells what it does. Default: nowhere. */
  readonly logger?: Logger;
}

const name = "process";
const handleVersion = 1;

/** Runs plans as processes of this machine: a node is a slot of it, a mount is a symbolic link. */
export class ProcessEngine implements Engine {
  readonly name = name;
  readonly #launcher: LauncherClient;
  readonly #runs = new Map<string, LocalRun>();
  readonly #closing = new AbortController();
  readonly #background = new Set<Promise<void>>();
  readonly #context: LocalRunContext;

  constructor(options: ProcessEngineOptions = {}) {
    const { gracePeriodInMs = 5000, logger = silentLogger } = options;
    this.#launcher = new LauncherClient(
      {
        onExit: (runId) => this.#runs.get(runId)?.supervisorEnded(),
        onLost: () => this.#runs.forEach((run) => run.launcherLost()),
      },
      logger,
    );
    this.#context = {
      launcher: this.#launcher,
      closing: this.#closing.signal,
      background: this.#background,
      gracePeriodInMs,
      logger,
    };
  }

  async fingerprint(): Promise<EngineFingerprint> {
    const problem = await whyUnhealthy();
    if (problem !== undefined) return { healthy: false, containers: false, description: problem };
    this.#launcher.warmUp();
    const description = "Runs jobs as processes of this machine, without containers.";
    return { healthy: true, containers: false, description };
  }

  nodeEnvironment(): Readonly<Record<string, string>> {
    return nodeEnvironment();
  }

  handleFor({ runId, runDirectory, nodes, mounts }: LaunchPlan): RunHandle {
    const executionLogs = nodes.map(({ executionLog }) => executionLog);
    return { engine: name, version: handleVersion, runId, runDirectory, executionLogs, mounts };
  }

  start(plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
    return this.#run(handle).start(plan, secrets);
  }

  recover(handle: RunHandle): Promise<RunState> {
    return this.#run(handle).recover();
  }

  wait(handle: RunHandle, abortSignal?: AbortSignal): Promise<RunExit> {
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
  }

  #run(handle: RunHandle): LocalRun {
    const details = detailsOf(handle);
    const known = this.#runs.get(details.runId);
    if (known) return known;
    const run = new LocalRun(details, this.#context);
    this.#runs.set(run.runId, run);
    return run;
  }
}

async function whyUnhealthy(): Promise<string | undefined> {
  const hasProcesses = await access("/proc/self/stat").then(
    () => true,
    () => false,
  );
  if (!hasProcesses) return `Jobs cannot run as processes on ${process.platform}: that needs Linux and its /proc.`;
  const bash = await findBash();
  if (bash === undefined) return "Jobs cannot run: bash was not found on the PATH of the service. Install bash.";
  const [major, minor] = await bashVersion(bash);
  if (major > 4 || (major === 4 && minor >= 4)) return undefined;
  return `Jobs cannot run: ${bash} has version ${major}.${minor}, and 4.4 or newer is needed.`;
}

function detailsOf(handle: RunHandle): LocalRunDetails {
  if (handle.engine !== name || handle.version !== handleVersion) {
    throw new TypeError(`The ${name} engine cannot read a handle of ${handle.engine} version ${handle.version}.`);
  }
  return handle as RunHandle & LocalRunDetails;
}
