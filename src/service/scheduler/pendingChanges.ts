/** One change of the store that waits for the next transaction. */
export interface PendingChange {
  readonly isCommitted: boolean;
  carryOut(): void;
  /** Called once the transaction is committed. */
  committed(): void;
  /** Called if the change was not stored. */
  failed(error: unknown): void;
}

/** Changes of the store that wait for the next transaction, so that many of them share one commit. */
export class PendingChanges {
  #changes: PendingChange[] = [];

  /**
   * Adds a change, which may be carried out more than once before it is committed. Resolves with its result once it is
   * committed. Rejects if it fails, or if the transaction does.
   */
  add<T>(change: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let resolveWithResult: () => void = () => undefined;
      let isCommitted = false;
      this.#changes.push({
        get isCommitted() {
          return isCommitted;
        },
        carryOut: () => {
          const result = change();
          resolveWithResult = () => {
            resolve(result);
          };
        },
        committed: () => {
          isCommitted = true;
          resolveWithResult();
        },
        failed: reject,
      });
    });
  }

  /** Returns all changes in the order in which they were added, and removes them. */
  take(): readonly PendingChange[] {
    return this.#changes.splice(0);
  }
}
