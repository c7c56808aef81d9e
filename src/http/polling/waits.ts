import type { AbortSignalLike } from "@azure/abort-controller";
import { orAborted } from "../abort.ts";

/**
 * Waits for one operation. Core's poller has one wait, whose first signal ends it for every caller, and for ever. Here,
 * each wait has its own signal, and the polling stops when no caller waits.
 */
export class Waits {
  #count = 0;
  #polling: AbortController | undefined;

  /** Signal that ends the polling. Absent before the first wait. */
  get signal(): AbortSignalLike | undefined {
    return this.#polling?.signal;
  }

  /** Waits for `poll`, until this signal is aborted. */
  async join<T>(poll: () => Promise<T>, abortSignal: AbortSignalLike | undefined): Promise<T> {
    this.#polling ??= new AbortController();
    this.#count += 1;
    try {
      const done = poll();
      return await (abortSignal ? orAborted(done, abortSignal) : done);
    } finally {
      this.#count -= 1;
      if (this.#count === 0) this.#stop();
    }
  }

  #stop(): void {
    this.#polling?.abort();
    this.#polling = undefined;
  }
}
