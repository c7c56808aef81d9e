/** The clusters that change by time alone, and when: nothing else about a cluster is kept in memory. */
export class VisitTimes {
  readonly #times = new Map<string, number>();

  set(clusterKey: string, time: number | undefined): void {
    if (time === undefined) this.#times.delete(clusterKey);
    else this.#times.set(clusterKey, time);
  }

  /** Returns the clusters whose time has come. */
  due(now: number): string[] {
    return [...this.#times].filter(([, time]) => time <= now).map(([clusterKey]) => clusterKey);
  }

  /** Returns the earliest time; infinity if there is none. */
  next(): number {
    return Math.min(Infinity, ...this.#times.values());
  }
}
