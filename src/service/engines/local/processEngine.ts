import { access } from "node:fs/promises";
import { join } from "node:path";
import type { StartError } from "../../startError.ts";
import type { EngineProbe, LaunchPlan, RunHandle, RunNeeds, Surroundings } from "../engine.ts";
import { RunFiles } from "../supervisor/runFiles.ts";
import { noRoom } from "../supervisor/runEnds.ts";
import { SupervisedEngine, type SupervisedEngineOptions } from "../supervisor/supervisedEngine.ts";
import { SupervisedRun } from "../supervisor/supervisedRun.ts";
import { ranNothing } from "../supervisor/supervisorScript.ts";
import { bashVersion, findBash } from "./bash.ts";
import { LauncherClient } from "./launcherClient.ts";
import type { SupervisorExit } from "./launcherMessages.ts";
import { RunLimits, type RunLimitsOptions } from "./limits/runLimits.ts";
import { localObjection } from "./localPlan.ts";
import { LocalRun, type LocalRunDetails } from "./localRun.ts";
import { nodeEnvironment } from "./nodeEnvironment.ts";

/** Options of a {@link ProcessEngine}. */
export interface ProcessEngineOptions extends SupervisedEngineOptions, Pick<RunLimitsOptions, "machine"> {}

const engineName = "process";
/**
 * Version 1 also had the mounts of the run, which its engine created and removed. Up to version 2, the engine's own
 * files were in the folder `engine` of the run's folder.
 */
const handleVersion = 3;

/** Time between two looks at a run whose end no launcher reports, in milliseconds. */
const lookIntervalInMs = 250;

/** Runs plans as processes of this machine. */
export class ProcessEngine extends SupervisedEngine<LocalRun, LocalRunDetails> {
  readonly name = engineName;
  readonly #runsFolder: string;
  readonly #launcher: LauncherClient;
  readonly #limits: RunLimits;

  constructor(options: ProcessEngineOptions) {
    super(options, { lookIntervalInMs, exitIntervalInMs: lookIntervalInMs });
    const { closing, logger } = this.context;
    this.#runsFolder = options.runsFolder;
    this.#limits = new RunLimits({ ...options, logger, closing });
    this.#launcher = new LauncherClient(
      {
        onExit: (exit) => this.#supervisorEnded(exit),
        onLost: () => this.runs.forEach((run) => run.lookForEnd()),
      },
      logger,
    );
  }

  async probe(): Promise<EngineProbe> {
    const problem = await whyUnusable();
    if (problem !== undefined) return { usable: false, description: problem };
    await this.#limits.ways();
    this.#launcher.warmUp();
    return { usable: true, description: "Runs jobs as processes of this machine, without containers." };
  }

  objection(needs: RunNeeds): StartError | undefined {
    return localObjection(needs);
  }

  async surroundings(): Promise<Surroundings> {
    return { environment: nodeEnvironment() };
  }

  handleFor({ runId, nodes }: LaunchPlan): RunHandle {
    const executionLogs = nodes.map(({ executionLog }) => executionLog);
    return { engine: engineName, version: handleVersion, runId, executionLogs };
  }

  reads(version: number): boolean {
    return version >= 1 && version <= handleVersion;
  }

  protected override closeConnections(): Promise<void> {
    return this.#launcher.close();
  }

  protected makeRun(details: LocalRunDetails, version: number): SupervisedRun<LocalRun> {
    const hasPlan = version >= 3;
    const folder = join(this.#runsFolder, details.runId, hasPlan ? "" : "engine");
    const { gracePeriodInMs } = this.context;
    const body = new LocalRun(details, folder, { launcher: this.#launcher, limits: this.#limits, gracePeriodInMs });
    return new SupervisedRun({ ...details, files: new RunFiles(folder, hasPlan), body }, this.context);
  }

  #supervisorEnded(exit: SupervisorExit): void {
    const run = this.runs.get(exit.runId);
    run?.body.supervisorEnded(exit);
    run?.supervisorEnded(exit.exitCode === ranNothing ? noRoom : undefined);
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
