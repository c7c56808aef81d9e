import { join } from "node:path";
import { findProgram } from "../../../ground/findProgram.ts";
import { imageDetails, StartError } from "../../startError.ts";
import type { EngineProbe, LaunchAllocation, LaunchPlan, RunHandle, RunNeeds, Surroundings } from "../engine.ts";
import { RunFiles } from "../supervisor/runFiles.ts";
import { SupervisedEngine, type SupervisedEngineOptions } from "../supervisor/supervisedEngine.ts";
import { SupervisedRun } from "../supervisor/supervisedRun.ts";
import { NodeChecks, type StoredTexts } from "./nodeChecks.ts";
import { SlurmCommands } from "./slurmCommands.ts";
import { jobNamePrefix } from "./slurmJob.ts";
import { SlurmQueue, type SlurmQueueOptions } from "./slurmQueue.ts";
import { type SlurmPeriods, SlurmRun, type SlurmRunDetails, usualPeriods } from "./slurmRun.ts";

/** Options of a {@link SlurmEngine}. `runsFolder` must be one that all nodes see at the same path. */
export interface SlurmEngineOptions
  extends SupervisedEngineOptions, Pick<SlurmQueueOptions, "intervalInMs" | "longestIntervalInMs"> {
  /** Part of the names of jobs by which the service finds its own. */
  readonly serviceId: string;
  /** Variables with the search path of Slurm's programs and `SLURM_CONF`. Default: those of this process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Time after which a program of Slurm is killed, in milliseconds. Default: 30,000. */
  readonly limitInMs?: number;
  /** Time between two looks at the files of a run, in milliseconds. They may be on a network file system. Default: 1000. */
  readonly lookIntervalInMs?: number;
  /** Default: {@link usualPeriods}. */
  readonly periods?: Partial<SlurmPeriods>;
  /** Remembers what nodes have told about themselves. Default: forgotten at the end of the process. */
  readonly stored?: StoredTexts;
  /** Time in which a network file system must show a file, in milliseconds; at most 45 s. Default: 30,000. */
  readonly visibilityInMs?: number;
}

const engineName = "slurm";
const handleVersion = 1;
const programs = ["sbatch", "squeue", "scancel", "scontrol"] as const;
const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Runs plans as jobs of Slurm. It needs only what any user of a login node may do. */
export class SlurmEngine extends SupervisedEngine<SlurmRun, SlurmRunDetails> {
  readonly name = engineName;
  override readonly queues = true;
  readonly #options: SlurmEngineOptions;
  readonly #commands: SlurmCommands;
  readonly #queue: SlurmQueue;
  readonly #checks: NodeChecks;

  constructor(options: SlurmEngineOptions) {
    const { lookIntervalInMs = 1000 } = options;
    super(options, { lookIntervalInMs, exitIntervalInMs: lookIntervalInMs });
    const { closing, logger } = this.context;
    this.#options = options;
    this.#commands = new SlurmCommands({ ...options, closing, logger });
    this.#queue = new SlurmQueue({ ...options, commands: this.#commands, closing, logger });
    this.#checks = new NodeChecks({
      ...{ ...options, folder: options.runsFolder, stored: options.stored ?? new Map<string, string>() },
      ...{ commands: this.#commands, queue: this.#queue, closing, logger },
    });
  }

  /** Checks in the background that nodes for these allocations and the service see each other's files. */
  checkNodes(allocations: readonly LaunchAllocation[]): void {
    const { background } = this.context;
    const checking = this.#checks.checkAll(allocations).finally(() => background.delete(checking));
    background.add(checking);
  }

  override async close(): Promise<void> {
    await this.#checks.close();
    await super.close();
  }

  async probe(): Promise<EngineProbe> {
    const { environment = process.env } = this.#options;
    const missing = programs.filter((program) => findProgram(program, environment.PATH) === undefined);
    if (missing.length === 0) return { usable: true, description: "Submits jobs to Slurm." };
    const description = `Slurm cannot be used: ${missing.join(", ")} not found in PATH. Start the service on a login node.`;
    return { usable: false, description };
  }

  objection({ allocation, container }: RunNeeds): StartError | undefined {
    if (allocation === undefined) {
      return new StartError("FailedStartingProcess", "Slurm runs only jobs of clusters whose vmSize names it.");
    }
    if (container === undefined) return undefined;
    const reason =
      `The job asks for the container image ${container.image}, and jobs on Slurm cannot have containers yet. ` +
      "Start the service with --ignore-container-settings to run such jobs directly on the nodes.";
    return new StartError("FailedStartingContainer", reason, { details: imageDetails(container) });
  }

  async surroundings({ allocation }: RunNeeds): Promise<Surroundings> {
    const findings = allocation && this.#checks.known(allocation);
    return { environment: { PATH: standardPath, ...findings?.environment } };
  }

  handleFor({ runId, nodes }: LaunchPlan): RunHandle {
    const executionLogs = nodes.map(({ executionLog }) => executionLog);
    const name = `${jobNamePrefix}${this.#options.serviceId}-${runId}`;
    return { engine: engineName, version: handleVersion, runId, executionLogs, name };
  }

  reads(version: number): boolean {
    return version === handleVersion;
  }

  protected makeRun(details: SlurmRunDetails): SupervisedRun<SlurmRun> {
    const folder = join(this.#options.runsFolder, details.runId);
    const files = new RunFiles(folder, true);
    const body = new SlurmRun(details, folder, files, {
      ...this.context,
      commands: this.#commands,
      queue: this.#queue,
      periods: { ...usualPeriods, ...this.#options.periods },
    });
    return new SupervisedRun({ ...details, files, body }, this.context);
  }
}
