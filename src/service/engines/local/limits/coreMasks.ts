/** Cores that runs may use, for a machine on which only masks limit cores. A run gets those that the fewest runs use. */
export class CoreMasks {
  readonly #cores: readonly number[];
  readonly #masks = new Map<string, readonly number[]>();

  /** @param cores - Cores that the service may use. */
  constructor(cores: readonly number[]) {
    this.#cores = cores;
  }

  /** Returns the cores of a run; undefined if it may use all of them. */
  take(runId: string, limit: number): readonly number[] | undefined {
    const count = Math.max(1, Math.ceil(limit));
    if (count >= this.#cores.length) return undefined;
    this.#masks.delete(runId);
    const uses = new Map(this.#cores.map((core) => [core, 0]));
    for (const core of [...this.#masks.values()].flat()) uses.set(core, (uses.get(core) ?? 0) + 1);
    const mask = [...this.#cores].sort((a, b) => (uses.get(a) ?? 0) - (uses.get(b) ?? 0)).slice(0, count);
    this.#masks.set(runId, mask);
    return mask;
  }

  release(runId: string): void {
    this.#masks.delete(runId);
  }
}

/** Returns the cores in a list such as `0-3,8`. */
export function coresIn(list: string): number[] {
  return list
    .split(",")
    .filter((part) => /^\d+(-\d+)?$/.test(part))
    .flatMap((part) => {
      const [first = 0, last = first] = part.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}
