import { setTimeout } from "node:timers/promises";

interface Passage {
  /** Settles when the last exclusive work has ended. */
  exclusive: Promise<unknown>;
  /** Changes of the share in progress. */
  readonly changes: Set<Promise<unknown>>;
}

/** Returns the key of a share for a gate. */
export function gateKeyOf(accountName: string, shareName: string): string {
  return `${accountName}/${shareName}`;
}

/**
 * Time in milliseconds that exclusive work waits for changes in progress. A client that sends its content slowly must
 * not block others.
 */
const changePatience = 10_000;

/**
 * Allows concurrent changes of a share, but none while a snapshot is taken, so that a snapshot is consistent for
 * clients. Changes on the disk by jobs and people cannot be delayed.
 */
export class ShareGate {
  readonly #passages = new Map<string, Passage>();
  readonly #changePatience: number;

  constructor(patienceInMs = changePatience) {
    this.#changePatience = patienceInMs;
  }

  /** Makes a change as soon as no exclusive work is running. */
  async change<T>(shareKey: string, work: () => Promise<T> | T): Promise<T> {
    const passage = this.#passage(shareKey);
    const started = passage.exclusive.then(work);
    return this.#follow(shareKey, passage, started);
  }

  /** Waits a limited time for changes in progress, and then runs `work` while new changes wait. */
  async exclusive<T>(shareKey: string, work: () => Promise<T> | T): Promise<T> {
    const passage = this.#passage(shareKey);
    const begun = Promise.race([
      Promise.allSettled(passage.changes),
      setTimeout(this.#changePatience, undefined, { ref: false }),
    ]);
    const started = Promise.all([passage.exclusive, begun]).then(work);
    passage.exclusive = started.catch(() => undefined);
    return this.#follow(shareKey, passage, started);
  }

  #passage(shareKey: string): Passage {
    const passage = this.#passages.get(shareKey) ?? { exclusive: Promise.resolve(), changes: new Set() };
    this.#passages.set(shareKey, passage);
    return passage;
  }

  async #follow<T>(shareKey: string, passage: Passage, work: Promise<T>): Promise<T> {
    passage.changes.add(work);
    try {
      return await work;
    } finally {
      passage.changes.delete(work);
      if (passage.changes.size === 0) this.#passages.delete(shareKey);
    }
  }
}
