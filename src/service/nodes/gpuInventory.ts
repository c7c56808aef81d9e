import type { GpuMaker } from "../engines/engine.ts";
import { withinTime } from "../../ground/withinTime.ts";
import type { Logger } from "../logger.ts";
import { type GpuChoice, problemOfChoice } from "./gpuChoice.ts";
import type { GpuMemory } from "./gpuMemory.ts";
import type { GpuStatus, MachineGpus } from "./gpus.ts";
import { type Card, failedLook, type GpuTool, type Look } from "./gpuTool.ts";
import { KnownGpus } from "./knownGpus.ts";
import { type OwnRuns, outsideProcessesIn } from "./outsideProcesses.ts";
import { Warnings } from "./warnings.ts";

/** Least time between the starts of two looks, in milliseconds. */
const leastIntervalInMs = 1000;
/** Time that the system has to name its GPUs without the tool, in milliseconds. */
const installedInMs = 1000;
/** Longest time that a tool may take before its GPUs become unhealthy, in milliseconds. */
const mostPatienceInMs = 30_000;

const amd = { vendor: "amd" } as const;

/** Options of {@link GpuInventory}. */
export interface GpuInventoryOptions extends OwnRuns {
  readonly tool: GpuTool;
  /** GPUs of the last service on this machine. */
  readonly memory: GpuMemory;
  readonly logger: Logger;
  readonly choice: GpuChoice;
  /** Time from the start of a look to the start of the next look, in milliseconds. */
  readonly intervalInMs: number;
  /** Time after which GPUs become unhealthy because the tool does not respond, in milliseconds. */
  readonly patienceInMs: number;
}

/**
 * The GPUs that the tool of their maker shows. It looks in the background. GPUs that an earlier look has found never
 * disappear: if the tool fails or no longer lists them, they are unhealthy. So are those of an earlier service until the
 * tool lists GPUs.
 */
export class GpuInventory implements MachineGpus {
  readonly #options: GpuInventoryOptions;
  readonly #known = new KnownGpus();
  /** Places of the chosen GPUs. Undefined until GPUs are known. */
  #chosen: ReadonlySet<string> | undefined;
  readonly #warnings = new Warnings();
  #patienceInMs: number;
  #all: readonly GpuStatus[] = [];
  #statuses: readonly GpuStatus[] = [];
  #problem: string | undefined;
  #listener: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  /** Time from the start of the last look to the start of the next one. */
  #pauseInMs: number;
  #lookedAt = -Infinity;
  #closed = false;

  constructor(options: GpuInventoryOptions) {
    this.#options = options;
    this.#patienceInMs = options.patienceInMs;
    this.#pauseInMs = options.intervalInMs;
  }

  /**
   * Looks for the first time, and then again and again. Resolves after the first look, or when the tool takes too long.
   * @throws Error if chosen GPUs do not exist.
   */
  async start(): Promise<void> {
    const { tool, memory, choice, logger, patienceInMs } = this.#options;
    this.#known.assume(memory.cards(), (await withinTime(tool.installed(), installedInMs)) ?? []);
    const first = await new Promise<boolean>((resolve) => {
      const limit = setTimeout(resolve, patienceInMs, false);
      void this.#look().then(() => {
        clearTimeout(limit);
        resolve(true);
      });
    });
    if (!first) this.#takeSilence();
    if (this.#problem !== undefined) {
      logger.warn({ reason: this.#problem }, "failed to find the GPUs of this machine; still trying");
      return;
    }
    const problem = problemOfChoice(choice, this.#all);
    if (problem !== undefined) throw new Error(problem);
    if (this.#statuses.length === 0) return;
    logger.info({ gpus: this.#statuses.map(({ gpu }) => `${gpu.index}: ${gpu.name}`) }, "found GPUs");
  }

  statuses(): readonly GpuStatus[] {
    return this.#statuses;
  }

  /** GPUs that the service may not give out are hidden too. */
  hiddenMakers(): readonly GpuMaker[] {
    return [...new Set([...this.#all, ...this.#statuses].map(({ gpu }) => gpu.vendor ?? "nvidia"))];
  }

  onChange(listener: () => void): void {
    this.#listener = listener;
  }

  lookSoon(): void {
    this.#pauseInMs = Math.min(leastIntervalInMs, this.#options.intervalInMs);
    if (!this.#isLooking) this.#schedule();
  }

  /** Stops looking. Does not wait for a tool that hangs. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.tool.kill();
  }

  #schedule(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    const remaining = this.#lookedAt + this.#pauseInMs - performance.now();
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, remaining));
    this.#timer.unref();
  }

  /** Never rejects. While a tool hangs, no other look starts. */
  async #look(): Promise<void> {
    const { tool, logger } = this.#options;
    this.#isLooking = true;
    this.#pauseInMs = this.#options.intervalInMs;
    this.#lookedAt = performance.now();
    const patience = setTimeout(() => {
      this.#takeSilence();
    }, this.#patienceInMs);
    try {
      const look = await tool.look(this.#known.all().map(({ card }) => card));
      // Without the driver's persistence mode, the tool is slow on machines with many GPUs, and not broken.
      const duration = performance.now() - this.#lookedAt;
      if (look.problem === undefined && duration > this.#patienceInMs) {
        this.#patienceInMs = Math.min(Math.ceil(duration / 1000) * 2000, mostPatienceInMs);
      }
      this.#take(look);
    } catch (error) {
      logger.warn({ error: String(error) }, "failed to look at the GPUs");
    } finally {
      clearTimeout(patience);
      this.#isLooking = false;
      this.#schedule();
    }
  }

  #takeSilence(): void {
    const seconds = String(this.#patienceInMs / 1000);
    this.#take(failedLook(`${this.#options.tool.name} has not responded for ${seconds} seconds.`));
  }

  #take(look: Look): void {
    if (this.#closed) return;
    const { logger } = this.#options;
    const problem = look.problem ?? look.incomplete;
    if (problem !== undefined && this.#warnings.isDue("", problem)) {
      logger.warn({ reason: problem }, "failed to look at the GPUs");
    }
    if (problem === undefined) this.#warnings.end("");
    this.#problem = problem;
    if (look.problem === undefined) this.#learn(look);
    const all = this.#statusesOf(look);
    this.#logChanges(all);
    this.#all = all;
    this.#show();
  }

  #learn(look: Look): void {
    // The chosen indexes are those of the tool, not those of GPUs that were only assumed.
    if (this.#known.take(look)) this.#chosen = undefined;
    if (look.cards.length === 0) return;
    const places = new Set([...look.cards.map(({ place }) => place), ...look.lost.keys()]);
    const cards = this.#known.all().map(({ card }) => card);
    const isKept = ({ place }: Card) => look.incomplete !== undefined || places.has(place);
    this.#options.memory.replace(cards.filter(isKept));
  }

  #statusesOf(look: Look): GpuStatus[] {
    const listed = new Set(look.cards.map(({ gpu }) => gpu.uuid));
    const gone = `${this.#options.tool.name} no longer lists it.`;
    return this.#known.all().map(({ card, index }) => {
      const reason = listed.has(card.gpu.uuid)
        ? card.unhealthy
        : (look.lost.get(card.place) ?? look.problem ?? look.incomplete ?? gone);
      const uses = look.uses.filter(({ uuid }) => uuid === card.gpu.uuid || uuid === card.whole);
      const before = this.#all.find(({ gpu }) => gpu.uuid === card.gpu.uuid);
      const status = {
        gpu: { index, ...card.gpu },
        ...(reason === undefined ? {} : { unhealthy: reason }),
        outsideProcesses: outsideProcessesIn(uses, this.#options),
      };
      return before !== undefined && JSON.stringify(before) === JSON.stringify(status) ? before : status;
    });
  }

  #logChanges(all: readonly GpuStatus[]): void {
    const { logger } = this.#options;
    for (const { gpu, unhealthy } of all) {
      const about = { gpu: gpu.index, uuid: gpu.uuid };
      if (unhealthy === undefined) {
        if (this.#warnings.end(gpu.uuid)) logger.info(about, "a GPU is healthy again");
      } else if (this.#warnings.isDue(gpu.uuid, unhealthy)) {
        logger.warn({ ...about, reason: unhealthy }, "a GPU is unhealthy");
      }
    }
  }

  /** Shows the chosen GPUs, and calls the listener if they are not the same as before. */
  #show(): void {
    const known = this.#all.filter(({ gpu }) => this.#isChosen(gpu.uuid));
    const statuses = this.#all.length === 0 ? this.#unseen() : known;
    const isSame =
      statuses.length === this.#statuses.length && statuses.every((status, i) => status === this.#statuses[i]);
    if (isSame) return;
    this.#statuses = statuses;
    try {
      this.#listener();
    } catch (error) {
      this.#options.logger.error({ error: String(error) }, "failed to handle a change of the GPUs");
    }
  }

  /** Returns GPUs that exist according to their owner, who has chosen them, while nothing else is known of them. */
  #unseen(): readonly GpuStatus[] {
    const { choice, tool } = this.#options;
    const problem = this.#problem;
    if (typeof choice === "string" || problem === undefined) return [];
    return [...new Set(choice)].sort(byNumber).map((index) => {
      const gpu = { index, uuid: `unknown-${String(index)}`, name: "unknown GPU", ...(tool.maker === "amd" && amd) };
      const before = this.#statuses.find((status) => status.gpu.uuid === gpu.uuid && status.unhealthy === problem);
      return before ?? { gpu, unhealthy: problem, outsideProcesses: [] };
    });
  }

  #isChosen(uuid: string): boolean {
    const { choice } = this.#options;
    if (typeof choice === "string") return choice === "all";
    this.#chosen ??= this.#choose(choice);
    return this.#chosen.has(this.#known.find(uuid)?.card.place ?? "");
  }

  /** Indexes count when GPUs are found first. Later, a lost GPU may change them. */
  #choose(indexes: readonly number[]): ReadonlySet<string> {
    const problem = problemOfChoice(indexes, this.#all);
    if (problem !== undefined) this.#options.logger.warn({ reason: problem }, "failed to limit the GPUs");
    const chosen = this.#known.all().filter(({ index }) => indexes.includes(index));
    return new Set(chosen.map(({ card }) => card.place));
  }
}

function byNumber(a: number, b: number): number {
  return a - b;
}
