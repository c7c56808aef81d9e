import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hasEnded } from "../../src/service/engines/slurm/slurmStates.ts";
import { SlurmBed } from "../slurm/slurmBed.ts";
import { linesOf } from "./lines.ts";
import type { Stage } from "./stage.ts";

const lookIntervalInMs = 1000;
/** VM size of the clusters. Their jobs ask for more cores than the nodes have, so that some wait. */
export const slurmSize = "STANDARD_SLURM";
/** The user of the service. Slurm starts jobs only of users whom the machine knows. */
export const slurmUser = 65_534;

/** A job of the service, as Slurm lists it. */
export interface ListedRun {
  readonly id: string;
  readonly state: string;
  /** ID of the run. */
  readonly run: string;
}

/** The Slurm of a run of the suite, and what the suite knows about the jobs in it. */
export class SlurmSide {
  readonly bed: SlurmBed;
  /** Folder that the nodes share. */
  readonly sharedDir: string;
  /** Runs that Slurm has ended for a reason after which a job runs again. */
  readonly interrupted = new Map<string, string>();
  readonly #stage: Stage;
  readonly #closing = new AbortController();

  private constructor(bed: SlurmBed, stage: Stage) {
    this.bed = bed;
    this.sharedDir = join(stage.disk, "shared");
    this.#stage = stage;
  }

  /** Starts a Slurm of four nodes. */
  static async open(stage: Stage): Promise<SlurmSide> {
    const side = new SlurmSide(await SlurmBed.open(), stage);
    void side.#watch();
    return side;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.bed.close();
  }

  /** Flags of a service that uses this Slurm. */
  flags(): string[] {
    const type = { engine: "slurm", partition: "main", cores: 4, memoryInGB: 1 };
    const file = join(this.#stage.folder, "types.json");
    writeFileSync(file, JSON.stringify({ [slurmSize]: type }));
    return ["--shared-dir", this.sharedDir, "--node-types", file];
  }

  /** Lists the jobs of services that Slurm knows, those that have ended included. Empty if Slurm does not respond. */
  async list(): Promise<ListedRun[]> {
    const text = await this.bed.run("squeue", "-h", "-t", "all", "-o", "%i|%T|%j").catch(() => "");
    return text.split("\n").flatMap((line) => {
      const [id = "", state = "", name = ""] = line.split("|");
      const run = /^batchai-[^-]+-(.+)$/.exec(name)?.[1];
      return run === undefined ? [] : [{ id, state, run }];
    });
  }

  /** Lists the jobs that have not ended. */
  async listLive(): Promise<ListedRun[]> {
    return (await this.list()).filter(({ state }) => !hasEnded(state));
  }

  /** Returns the name of the job to which a run belongs; undefined if that cannot be seen. */
  jobOf(run: string): string | undefined {
    const variables = join(this.sharedDir, "runs", run, "environment");
    const waiting = existsSync(variables) ? /(?:^|\0)CHAOS_JOB=([^\0]*)/.exec(readFileSync(variables, "utf8")) : null;
    return waiting?.[1] ?? linesOf(this.#stage.lines).jobOf(run);
  }

  /** Tries a command of an administrator. Returns whether Slurm has carried it out. */
  async tries(program: string, ...args: readonly string[]): Promise<boolean> {
    return this.bed.run(program, ...args).then(
      () => true,
      () => false,
    );
  }

  /** Notes which runs Slurm interrupts, before it forgets them. */
  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      for (const { run, state } of await this.list()) {
        if (/^(?:PREEMPTED|NODE_FAIL|BOOT_FAIL|REQUEUE.*)$/.test(state)) this.interrupted.set(run, state);
      }
      await delay(lookIntervalInMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
