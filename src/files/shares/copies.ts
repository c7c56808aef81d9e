/** A copy that goes on after its request was answered. */
interface CopyUnderWay {
  readonly id: string;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  copied: number;
}

/** What a copy is given: when to stop, and whom to tell how far it is. */
export interface CopyTask {
  readonly signal: AbortSignal;
  readonly progress: (bytes: number) => void;
}

/** Copies under way, by the identity of the empty file that holds the place of what they make. */
export class Copies {
  readonly #underWay = new Map<string, CopyUnderWay>();

  /** Starts a copy. `work` stores itself how the copy ended; what it throws is nobody's business any more. */
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

  /** Whether a file is waiting for its content. */
  isUnderWay(identity: string): boolean {
    return this.#underWay.has(identity);
  }

  /** Bytes copied so far, or undefined when no copy is under way. */
  copied(identity: string): number | undefined {
    return this.#underWay.get(identity)?.copied;
  }

  /** Id of the copy under way. */
  idOf(identity: string): string | undefined {
    return this.#underWay.get(identity)?.id;
  }

  /** Stops a copy for a reason that its work is told, and waits until it has stopped. */
  async stop(identity: string, reason: string): Promise<void> {
    const copy = this.#underWay.get(identity);
    copy?.stop.abort(reason);
    await copy?.ended;
  }

  /** Stops all copies. */
  async close(): Promise<void> {
    await Promise.all([...this.#underWay.keys()].map((identity) => this.stop(identity, "The service ends.")));
  }
}
