import { setTimeout as delay } from "node:timers/promises";
import type { BuiltService } from "./builtService.ts";
import { Caller } from "./caller.ts";

/** Gets an experiment again and again, and measures the latency. */
export class Probe {
  readonly #latencies: number[] = [];
  readonly #working: Promise<void>;
  #stopped = false;

  /** @param pauseInMs - Pause between two requests. */
  constructor(service: BuiltService, pauseInMs: number) {
    this.#working = this.#work(new Caller(service.connection), pauseInMs);
  }

  /** Returns the latencies in milliseconds, sorted. */
  async stop(): Promise<number[]> {
    this.#stopped = true;
    await this.#working;
    return this.#latencies.sort((a, b) => a - b);
  }

  async #work(caller: Caller, pauseInMs: number): Promise<void> {
    while (!this.#stopped) {
      const began = performance.now();
      await caller.send("GET", "/experiments/exp");
      this.#latencies.push(performance.now() - began);
      await delay(pauseInMs);
    }
    caller.close();
  }
}

/** Returns the value below which this share of sorted values lies. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
