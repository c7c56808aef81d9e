/** Time in which a warning is not repeated with another reason, in milliseconds. */
const quietInMs = 10 * 60_000;

/** Warnings that are due: a program whose reason changes each time must not fill the log. */
export class Warnings {
  readonly #last = new Map<string, { readonly reason: string; readonly time: number }>();

  /** Whether to log a warning about a thing: it is the first, or the reason has changed and the last one is old. */
  isDue(thing: string, reason: string): boolean {
    const last = this.#last.get(thing);
    const time = performance.now();
    if (last !== undefined && (last.reason === reason || time - last.time < quietInMs)) return false;
    this.#last.set(thing, { reason, time });
    return true;
  }

  /** Ends the warnings about a thing. Returns whether there were any. */
  end(thing: string): boolean {
    return this.#last.delete(thing);
  }
}
