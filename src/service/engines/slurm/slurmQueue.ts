import { reasonOf } from "../../../ground/systemErrors.ts";
import { abortable } from "../../abortable.ts";
import type { Logger } from "../../logger.ts";
import type { SlurmCommands } from "./slurmCommands.ts";
import { type SlurmJob, type SlurmListing, tellingJob } from "./slurmJob.ts";

/** Status of a job in Slurm's queue, by its name. */
export type SlurmStatus =
  /** No look has told anything since the name is watched. */
  | { readonly kind: "unknown" }
  /**
   * The last looks did not find it. That does not mean that it has ended. `sinceInMs`: time since the first of these
   * looks; `looks`: their number. Only looks count that listed all jobs.
   */
  | { readonly kind: "absent"; readonly sinceInMs: number; readonly looks: number }
  /** The last look that told something found it. `lookedAt`: when that look began, as of `performance.now()`. */
  | { readonly kind: "seen"; readonly job: SlurmJob; readonly lookedAt: number };

/** Options of {@link SlurmQueue}. */
export interface SlurmQueueOptions {
  readonly commands: Pick<SlurmCommands, "list" | "minJobAgeInMs">;
  readonly closing: AbortSignal;
  readonly logger: Logger;
  /** Shortest time between two looks, in milliseconds. Default: 2000. */
  readonly intervalInMs?: number;
  /** Longest time between two looks, in milliseconds. Default: 30,000, and at most half of Slurm's `MinJobAge`. */
  readonly longestIntervalInMs?: number;
}

/** What the looks have told about a name. */
interface Watched {
  job?: SlurmJob | undefined;
  lookedAt: number;
  /** Number of the first look that counts: those before have begun before the name was watched. */
  readonly firstLook: number;
  absentSince?: number;
  absentLooks: number;
}

/**
 * Slurm's queue, as one `squeue` for all watched names tells it. The time between two looks doubles while nothing changes
 * or looks fail, and is short again after a change or a new name. Nothing looks while no name is watched.
 */
export class SlurmQueue {
  readonly #options: SlurmQueueOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #listeners = new Set<() => void>();
  #interval: number;
  #minJobAgeInMs = Infinity;
  #asksForMinJobAge = 3;
  #timer: NodeJS.Timeout | undefined;
  #due = Infinity;
  #lookNumber = 0;
  #looking: Promise<void> | undefined;
  #nextLook: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(options: SlurmQueueOptions) {
    this.#options = options;
    this.#interval = this.#shortest;
    options.closing.addEventListener("abort", () => {
      this.#unschedule();
    });
  }

  /** Reason why the last look failed or told only a part, as one sentence. Undefined if it succeeded. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Watches a name from now on. What earlier looks told about it no longer counts. */
  watch(name: string): void {
    this.#watched.set(name, { firstLook: this.#lookNumber + 1, lookedAt: 0, absentLooks: 0 });
    this.#interval = this.#shortest;
    this.#schedule();
  }

  /** Ends the watch of a name. */
  forget(name: string): void {
    this.#watched.delete(name);
    if (this.#watched.size === 0) this.#unschedule();
  }

  /** Returns what the looks since {@link SlurmQueue.watch} have told about a name. */
  statusOf(name: string): SlurmStatus {
    const { job, lookedAt = 0, absentSince, absentLooks } = this.#watched.get(name) ?? {};
    if (job !== undefined) return { kind: "seen", job, lookedAt };
    if (absentSince === undefined || absentLooks === undefined) return { kind: "unknown" };
    return { kind: "absent", sinceInMs: performance.now() - absentSince, looks: absentLooks };
  }

  /**
   * Looks once more. The look begins after the call; callers who come while another look is on its way share it. Resolves
   * when it has ended, also if it failed. Rejects only with an `AbortError`, when the engine is closed.
   */
  async lookNow(): Promise<void> {
    this.#options.closing.throwIfAborted();
    await abortable(this.#nextLook ?? this.#newLook(), this.#options.closing);
  }

  /**
   * Resolves after the next planned look, which comes soon if Slurm responds. Rejects only with an `AbortError`, when the
   * engine is closed.
   */
  async nextLook(): Promise<void> {
    this.#options.closing.throwIfAborted();
    if (this.#problem === undefined) this.#interval = this.#shortest;
    this.#schedule();
    const looked = new Promise<void>((resolve) => {
      const end = this.onLook(() => {
        end();
        resolve();
      });
    });
    await abortable(looked, this.#options.closing);
  }

  /** Calls a function after each look, also if it failed. The function must not throw. Returns a function that ends that. */
  onLook(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get #shortest(): number {
    return this.#options.intervalInMs ?? 2000;
  }

  /** A job that has ended must be seen before Slurm forgets it. */
  get #longest(): number {
    const longest = this.#options.longestIntervalInMs ?? 30_000;
    return Math.min(longest, this.#minJobAgeInMs / 2);
  }

  #newLook(): Promise<void> {
    if (this.#looking === undefined) return this.#begin();
    this.#nextLook = this.#looking.then(() => this.#begin());
    return this.#nextLook;
  }

  #begin(): Promise<void> {
    this.#nextLook = undefined;
    this.#unschedule();
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
      this.#schedule();
    });
    return this.#looking;
  }

  /** Plans the next look, unless one is on its way: its end plans the next one. A planned look is never put off. */
  #schedule(): void {
    if (this.#looking !== undefined || this.#watched.size === 0 || this.#options.closing.aborted) return;
    const pause = Math.min(this.#interval, this.#longest);
    const due = performance.now() + pause;
    if (due >= this.#due) return;
    this.#unschedule();
    this.#due = due;
    this.#timer = setTimeout(() => void this.#begin(), pause);
    this.#timer.unref();
  }

  #unschedule(): void {
    clearTimeout(this.#timer);
    this.#due = Infinity;
  }

  async #look(): Promise<void> {
    const number = ++this.#lookNumber;
    const changed = await this.#takeIn(number);
    this.#interval = changed ? this.#shortest : Math.min(this.#interval * 2, this.#longest);
    for (const listener of [...this.#listeners]) listener();
  }

  /** Lists the jobs, and returns whether that changed anything. */
  async #takeIn(number: number): Promise<boolean> {
    const began = performance.now();
    try {
      const listing = await this.#options.commands.list();
      this.#report(
        listing.damage === undefined ? undefined : `squeue printed lines that it should not: ${listing.damage}.`,
      );
      if (this.#asksForMinJobAge-- > 0) void this.#askForMinJobAge();
      return this.#update(listing, number, began);
    } catch (error) {
      this.#report(reasonOf(error));
      return false;
    }
  }

  /** Asks only while Slurm responds, and not for ever, because a look is one call. */
  async #askForMinJobAge(): Promise<void> {
    try {
      this.#minJobAgeInMs = (await this.#options.commands.minJobAgeInMs()) ?? Infinity;
      this.#asksForMinJobAge = 0;
    } catch {
      // Slurm's own default is ten times the longest interval.
    }
  }

  #update({ jobs, damage }: SlurmListing, number: number, began: number): boolean {
    const found = new Map<string, SlurmJob>();
    for (const job of jobs) if (this.#watched.has(job.name)) found.set(job.name, tellingJob(found.get(job.name), job));
    let changed = false;
    for (const [name, watched] of this.#watched) {
      if (number < watched.firstLook) continue;
      const job = found.get(name);
      if (job === undefined && damage !== undefined) continue;
      changed ||= job?.state !== watched.job?.state || job?.reason !== watched.job?.reason;
      tell(watched, job, began);
    }
    return changed;
  }

  /** Keeps a problem, and logs it if it is another one. */
  #report(problem: string | undefined): void {
    if (problem !== undefined && problem !== this.#problem && !this.#options.closing.aborted) {
      this.#options.logger.warn({ problem }, "failed to look at the queue of Slurm");
    }
    this.#problem = problem;
  }
}

function tell(watched: Watched, job: SlurmJob | undefined, began: number): void {
  watched.job = job;
  watched.lookedAt = began;
  watched.absentLooks = job === undefined ? watched.absentLooks + 1 : 0;
  if (job !== undefined) delete watched.absentSince;
  else watched.absentSince ??= began;
}
