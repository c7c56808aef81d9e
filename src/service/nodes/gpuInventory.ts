import type { GpuMaker } from "../engines/engine.ts";
import { withinTime } from "../../ground/withinTime.ts";
import type { Logger } from "../logger.ts";
import { type GpuChoice, problemOfChoice } from "./gpuChoice.ts";
import type { GpuStatus, MachineGpus } from "./gpus.ts";
import { type Card, failedLook, type GpuTool, type Look } from "./gpuTool.ts";
import { type OwnRuns, outsideProcessesIn } from "./outsideProcesses.ts";

/** Least time between the starts of two looks, in milliseconds. */
const leastIntervalInMs = 1000;
/** Time that the system has to name its GPUs without the tool, in milliseconds. */
const installedInMs = 1000;
/** Longest time that a tool may take before its GPUs become unhealthy, in milliseconds. */
const mostPatienceInMs = 30_000;

/** Options of {@link GpuInventory}. */
export interface GpuInventoryOptions extends OwnRuns {
  readonly tool: GpuTool;
  readonly logger: Logger;
  readonly choice: GpuChoice;
  /** Time from the start of a look to the start of the next look, in milliseconds. */
  readonly intervalInMs: number;
  /** Time after which GPUs become unhealthy because the tool does not respond, in milliseconds. */
  readonly patienceInMs: number;
}

/** A card of this or an earlier look. */
interface Known {
  readonly card: Card;
  readonly index: number;
}

/**
 * The GPUs that the tool of their maker shows. It looks in the background. GPUs that an earlier look has found never
 * disappear: if the tool fails or no longer lists them, they are unhealthy.
 */
export class GpuInventory implements MachineGpus {
  readonly #options: GpuInventoryOptions;
  readonly #known = new Map<string, Known>();
  /** UUIDs of GPUs that the system has named, until the tool responds: in a container, it may show fewer. */
  readonly #named = new Set<string>();
  /** Places of the chosen GPUs. Undefined until the first look that found any. */
  #chosen: ReadonlySet<string> | undefined;
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
    const { tool, choice, logger, patienceInMs } = this.#options;
    this.#rememberNamed((await withinTime(tool.installed(), installedInMs)) ?? []);
    const first = await new Promise<boolean>((resolve) => {
      const limit = setTimeout(resolve, patienceInMs, false);
      void this.#look().then(() => {
        clearTimeout(limit);
        resolve(true);
      });
    });
    if (this.#problem !== undefined || !first) {
      const reason = this.#problem ?? `${tool.name} has not responded yet.`;
      logger.warn({ reason }, "failed to find the GPUs of this machine; still trying");
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
    return [...new Set(this.#all.map(({ gpu }) => gpu.vendor ?? "nvidia"))];
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
      this.#take(failedLook(`${tool.name} has not responded for ${String(this.#patienceInMs / 1000)} seconds.`));
    }, this.#patienceInMs);
    try {
      const look = await tool.look([...this.#known.values()].map(({ card }) => card));
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

  #take(look: Look): void {
    if (this.#closed) return;
    const { logger } = this.#options;
    if (look.problem !== this.#problem && look.problem !== undefined) {
      logger.warn({ reason: look.problem }, "failed to look at the GPUs");
    }
    this.#problem = look.problem;
    if (look.problem === undefined) this.#remember(look);
    const all = this.#statusesOf(look);
    this.#logChanges(all);
    this.#all = all;
    this.#show();
  }

  /** Stores GPUs that no look has found yet. They are shown, as unhealthy, if the tool fails or names them as lost. */
  #rememberNamed(cards: readonly Card[]): void {
    const places = cards.map(({ place }) => place).sort();
    for (const card of cards) {
      this.#known.set(card.gpu.uuid, { card, index: places.indexOf(card.place) });
      this.#named.add(card.gpu.uuid);
    }
  }

  /** Stores the cards of a look, and numbers them by their places. */
  #remember({ cards, lost }: Look): void {
    // The driver still counts a GPU that it names as lost, but no GPU that has gone.
    const places = [...new Set([...cards.map(({ place }) => place), ...lost.keys()])].sort();
    const listed = new Set(cards.map(({ place }) => place));
    for (const [uuid, { card }] of this.#known) {
      const index = places.indexOf(card.place);
      // Its owner has divided the GPU (MIG), or put another GPU in its place.
      if (listed.has(card.place) || (index === -1 && this.#named.has(uuid))) this.#known.delete(uuid);
      else if (index !== -1) this.#known.set(uuid, { card, index });
    }
    for (const card of cards) this.#known.set(card.gpu.uuid, { card, index: places.indexOf(card.place) });
    this.#named.clear();
  }

  #statusesOf(look: Look): GpuStatus[] {
    const listed = new Set(look.cards.map(({ gpu }) => gpu.uuid));
    const gone = `${this.#options.tool.name} no longer lists it.`;
    const known = [...this.#known.values()].sort((a, b) => a.index - b.index || compare(a.card.place, b.card.place));
    return known.map(({ card, index }) => {
      const reason = listed.has(card.gpu.uuid) ? card.unhealthy : (look.lost.get(card.place) ?? look.problem ?? gone);
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
      const before = this.#all.find((status) => status.gpu.uuid === gpu.uuid)?.unhealthy;
      if (unhealthy === before) continue;
      if (unhealthy === undefined) logger.info({ gpu: gpu.index, uuid: gpu.uuid }, "a GPU is healthy again");
      else logger.warn({ gpu: gpu.index, uuid: gpu.uuid, reason: unhealthy }, "a GPU is unhealthy");
    }
  }

  /** Shows the chosen GPUs, and calls the listener if they are not the same as before. */
  #show(): void {
    const statuses = this.#all.filter(({ gpu }) => this.#isChosen(gpu.uuid));
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

  #isChosen(uuid: string): boolean {
    const { choice } = this.#options;
    if (typeof choice === "string") return choice === "all";
    this.#chosen ??= this.#choose(choice);
    return this.#chosen.has(this.#known.get(uuid)?.card.place ?? "");
  }

  /** Indexes count when GPUs are found first. Later, a lost GPU may change them. */
  #choose(indexes: readonly number[]): ReadonlySet<string> {
    const problem = problemOfChoice(indexes, this.#all);
    if (problem !== undefined) this.#options.logger.warn({ reason: problem }, "failed to limit the GPUs");
    const chosen = [...this.#known.values()].filter(({ index }) => indexes.includes(index));
    return new Set(chosen.map(({ card }) => card.place));
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
