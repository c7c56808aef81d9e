import { setTimeout } from "node:timers/promises";

interface Passage {
  /** Settles when the last exclusive piece of work that was asked for is done. */
  exclusive: Promise<unknown>;
  /** What changes the share at the moment. */
  readonly changes: Set<Promise<unknown>>;
}

/** Name under which a gate knows a share. */
export function gateKeyOf(accountName: string, shareName: string): string {
  return `${accountName}/${shareName}`;
}

/** For how long changes that have begun are waited for: a client that sends its content slowly holds up nobody else. */
const changePatience = 10_000;

/**
 * Lets changes of a share happen side by side, and none of them while a snapshot is taken, so that a snapshot shows one
 * moment of what clients did. What jobs and people do on the disk meanwhile, nobody can hold up.
 */
export class ShareGate {
  readonly #passages = new Map<string, Passage>();
  readonly #changePatience: number;

  constructor(patienceInMs = changePatience) {
    this.#changePatience = patienceInMs;
  }

  /** Makes a change once nothing exclusive is going on. */
  async change<T>(shareKey: string, work: () => Promise<T> | T): Promise<T> {
    const passage = this.#passage(shareKey);
    const started = passage.exclusive.then(work);
    return this.#follow(shareKey, passage, started);
  }

  /** Waits for the changes that have begun, within reason, and works while new ones wait. */
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
