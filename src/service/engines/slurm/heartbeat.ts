import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Signs of life that the script of a run gives: it touches a file, and writes to it at its end. Clocks of hosts differ, so
 * only changes count that are seen here.
 */
export class Heartbeat {
  readonly #path: string;
  #time: number | undefined;
  #seenAt = 0;

  /** @param path - File in the folder of the run. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Looks, and returns for how long no sign was seen, in milliseconds; `Infinity` if the script has ended in order. */
  silenceInMs(): number {
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    const isOver = stat === undefined ? !existsSync(dirname(this.#path)) : stat.size > 0;
    const time = stat?.mtimeMs ?? 0;
    if (this.#time !== time) [this.#time, this.#seenAt] = [time, performance.now()];
    return isOver ? Infinity : performance.now() - this.#seenAt;
  }
}
