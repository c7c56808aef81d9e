import { AtMost } from "../../../ground/atMost.ts";
import { findProgram } from "../../../ground/findProgram.ts";
import { problemOf, type ProgramOutput, quoted, runProgram } from "../../../ground/runProgram.ts";
import { abortable } from "../../abortable.ts";
import type { Logger } from "../../logger.ts";
import { StartError } from "../../startError.ts";
import { sbatchOptions, type SlurmSubmission } from "./sbatchOptions.ts";
import { slurmEnvironment } from "./slurmEnvironment.ts";
import { SlurmError, submitErrorOf } from "./slurmErrors.ts";
import { jobFormat, readListing, type SlurmListing } from "./slurmJob.ts";

/** Options of {@link SlurmCommands}. */
export interface SlurmCommandsOptions {
  /** Variables with the search path of the programs and `SLURM_CONF`. Default: those of this process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Kills the programs when it is aborted. */
  readonly closing: AbortSignal;
  readonly logger: Logger;
  /** Time after which a program is killed, in milliseconds. Default: 30,000. */
  readonly limitInMs?: number;
}

/** What of a job {@link SlurmCommands.cancel} ends. */
type CancelPart =
  | "all"
  /** The job if it waits. */
  | "waiting"
  /** The script of a running job gets SIGTERM, and nothing else: the script ends the rest. */
  | "script"
  /** All processes of a running job, by SIGKILL. */
  | "processes";

const cancelOptions: Readonly<Record<CancelPart, readonly string[]>> = {
  all: [],
  waiting: ["--state=PENDING"],
  script: ["--batch", "--signal=TERM", "--state=RUNNING"],
  processes: ["--full", "--signal=KILL"],
};

/** Most calls of `sbatch` at a time: a controller serves few, and lets the others wait until they time out. */
const mostSubmits = 4;
const mostCharactersOfListing = 64 * 1024 * 1024;
const safeName = /^batchai-[\w.-]+$/;

/**
 * The programs of Slurm, which any user of a login node may call: `sbatch`, `squeue`, `scancel` and `scontrol`. Each
 * method runs one program once, with a time limit. It rejects with a {@link SlurmError} if the program fails, and with an
 * `AbortError` if the engine is closed.
 */
export class SlurmCommands {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #closing: AbortSignal;
  readonly #logger: Logger;
  readonly #limitInMs: number;
  readonly #user = String(process.getuid?.());
  readonly #submits = new AtMost(mostSubmits);

  constructor({ environment = process.env, closing, logger, limitInMs = 30_000 }: SlurmCommandsOptions) {
    this.#environment = slurmEnvironment(environment);
    this.#closing = closing;
    this.#logger = logger;
    this.#limitInMs = limitInMs;
  }

  /**
   * Submits a job and returns its ID. Also rejects with a `StartError` if a value is not valid, or without `sbatch`.
   * After any other rejection, Slurm may have accepted the job: `submitOnce` finds out.
   */
  async submit(submission: SlurmSubmission): Promise<string> {
    checkName(submission.name);
    if (this.#find("sbatch") === undefined) throw new StartError("Shortage", missing("sbatch"));
    const args = [...sbatchOptions(submission), submission.script, ...submission.args];
    const output = await this.#submits.run(() => this.#run("sbatch", args));
    const id = output.exitCode === 0 ? idIn(output.stdout) : undefined;
    if (id === undefined) throw submitErrorOf(output);
    return id;
  }

  /** Lists the jobs of the user that have the prefix of services, those that ended lately included. One call for all. */
  async list(): Promise<SlurmListing> {
    const args = ["-h", "-t", "all", "-o", jobFormat, "-u", this.#user];
    return readListing(await this.#output("squeue", args, mostCharactersOfListing));
  }

  /**
   * Ends the jobs of the user that have a name, whatever their state: politely first, and by force after Slurm's
   * `KillWait`. Resolves once Slurm has taken the order, and if there is no such job.
   * @param part - What of them. Default: all of it.
   */
  async cancel(name: string, part: CancelPart = "all"): Promise<void> {
    checkName(name);
    await this.#output("scancel", [...cancelOptions[part], `--name=${name}`, `--user=${this.#user}`]);
  }

  /** Whether Slurm knows a job with this ID and this name. IDs are used again, so a job with another name does not count. */
  async knows(id: string, name: string): Promise<boolean> {
    const output = await this.#run("scontrol", ["show", "job", "-o", id]);
    if (output.exitCode === 0) return output.stdout.split(/\s+/).includes(`JobName=${name}`);
    if (output.exitCode !== undefined && /Invalid job id/i.test(output.stderr)) return false;
    throw new SlurmError(problemOf("scontrol", output));
  }

  /** Returns the names of nodes in the order of Slurm. @param nodeList - Slurm's short form, for example `n[1-3,7]`. */
  async hostsOf(nodeList: string): Promise<string[]> {
    if (nodeList === "") return [];
    if (!nodeList.includes("[")) return nodeList.split(",");
    const text = await this.#output("scontrol", ["show", "hostnames", nodeList]);
    return text.split("\n").filter((line) => /^[\w.-]+$/.test(line));
  }

  /** Returns the time for which Slurm lists a job that has ended, in milliseconds; undefined if it lists it for ever. */
  async minJobAgeInMs(): Promise<number | undefined> {
    const text = await this.#output("scontrol", ["show", "config"]);
    const seconds = /^MinJobAge\s*=\s*(\d+) sec/m.exec(text)?.[1];
    if (seconds === undefined) throw new SlurmError(`scontrol did not tell MinJobAge, but printed: ${quoted(text)}.`);
    return Number(seconds) === 0 ? undefined : Number(seconds) * 1000;
  }

  #find(program: string): string | undefined {
    return findProgram(program, this.#environment.PATH);
  }

  async #output(program: string, args: readonly string[], mostOutput?: number): Promise<string> {
    const output = await this.#run(program, args, mostOutput);
    if (output.exitCode === 0) return output.stdout;
    throw new SlurmError(problemOf(program, output));
  }

  async #run(program: string, args: readonly string[], mostOutput?: number): Promise<ProgramOutput> {
    this.#closing.throwIfAborted();
    const path = this.#find(program);
    if (path === undefined) throw new SlurmError(missing(program));
    const [environment, limitInMs, abortSignal] = [this.#environment, this.#limitInMs, this.#closing];
    // Jobs begin in the working directory of sbatch, which must exist on each node.
    const options = { environment, limitInMs, abortSignal, directory: "/" };
    const running = runProgram(path, args, mostOutput === undefined ? options : { ...options, mostOutput });
    const output = await abortable(running, this.#closing);
    this.#logger.debug({ program, exitCode: output.exitCode, timedOut: output.timedOut }, "called Slurm");
    return output;
  }
}

function missing(program: string): string {
  return `The program ${program} of Slurm is not in PATH.`;
}

/** Returns the ID that `sbatch --parsable` prints, with the name of the cluster or without, after what a site prints. */
function idIn(stdout: string): string | undefined {
  const ids = stdout.split("\n").flatMap((line) => /^(\d+)(?:;\S+)?\s*$/.exec(line)?.[1] ?? []);
  return ids.at(-1);
}

function checkName(name: string): void {
  if (!safeName.test(name)) throw new TypeError(`${JSON.stringify(name)} is not the name of a job of this service.`);
}
