/** A copy that continues after its request was answered. */
interface CopyUnderWay {
  readonly id: string;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  copied: number;
}

/** Signal that stops a copy, and callback for its progress. */
export interface CopyTask {
  readonly signal: AbortSignal;
  readonly progress: (bytes: number) => void;
}

/** Copies in progress, by the identity of the empty file at their destination. */
export class Copies {
  readonly #underWay = new Map<string, CopyUnderWay>();

  /** Starts a copy. `work` stores the result itself; its errors are ignored. */
  start(identity: string, id: string, work: (task: CopyTask) => Promise<void>): void {
    const stop = new AbortController();
    const progress = (bytes: number): void => {
      const copy = this.#underWay.get(identity);
      if (copy !== undefined) copy.copied += bytes;
    };
    const ended = Promise.resolve()
      .then(() => work({ signal: stop.signal, progress }))
      .catch(() => undefined)
      .finally(() => this.#underWay.delete(identity));
    this.#underWay.set(identity, { id, stop, ended, copied: 0 });
  }

  /** Whether a file is the destination of a copy in progress. */
  isUnderWay(identity: string): boolean {
    return this.#underWay.has(identity);
  }

  /** Returns the number of bytes copied so far; undefined if no copy is in progress. */
  copied(identity: string): number | undefined {
    return this.#underWay.get(identity)?.copied;
  }

  /** Returns the ID of the copy in progress. */
  idOf(identity: string): string | undefined {
    return this.#underWay.get(identity)?.id;
  }

  /** Stops a copy, with a reason for its work, and waits until it has stopped. */
  async stop(identity: string, reason: string): Promise<void> {
    const copy = this.#underWay.get(identity);
    copy?.stop.abort(reason);
    await copy?.ended;
  }

  /** Stops all copies. */
  async close(): Promise<void> {
    await Promise.all([...this.#underWay.keys()].map((identity) => this.stop(identity, "The service stops.")));
  }
}
