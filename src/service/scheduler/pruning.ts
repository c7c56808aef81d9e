import type { Logger } from "../logger.ts";
import type { Store } from "../state/store.ts";

const intervalInMs = 10 * 60 * 1000;
/** Rows that one transaction removes. It takes a few milliseconds, so requests do not wait for long. */
const sliceSize = 200;
const pauseInMs = 50;

/** Removes what the store no longer needs, and marks its clock: at the start, and every ten minutes. */
export class Pruning {
  readonly #store: Store;
  readonly #logger: Logger;
  readonly #intervalInMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Store, logger: Logger, options: { readonly intervalInMs?: number } = {}) {
    this.#store = store;
    this.#logger = logger;
    this.#intervalInMs = options.intervalInMs ?? intervalInMs;
  }

  start(): void {
    this.#next(0);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #next(delayInMs: number): void {
    this.#timer = setTimeout(() => {
      this.#next(this.#pruneSlice() ? this.#intervalInMs : pauseInMs);
    }, delayInMs);
    this.#timer.unref();
  }

  /** Returns whether nothing is left to remove, or it has to wait for the next time. */
  #pruneSlice(): boolean {
    try {
      const removed = this.#store.transaction(() => this.#store.operations.prune(sliceSize));
      if (removed === sliceSize) return false;
      this.#store.clock.mark();
    } catch (error) {
      this.#logger.warn({ error: String(error) }, "failed to remove old operations; it is tried again later");
    }
    return true;
  }
}
