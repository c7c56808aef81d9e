import type { SteadyClock } from "./clock.ts";
import type { Settings } from "./settings.ts";

/** The next replacement of the unusable nodes of a cluster. */
export interface Replacement {
  /** Number of rounds in which the setup of nodes has failed, without a success in between. */
  readonly round: number;
  /** Time of the replacement on the steady clock. */
  readonly time: number;
}

/** The clusters on which the setup of nodes has failed, and when their unusable nodes are replaced. */
export class Replacements {
  readonly #settings: Settings;
  readonly #clock: SteadyClock;

  constructor(settings: Settings, clock: SteadyClock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  find(clusterKey: string): Replacement | undefined {
    const text = this.#settings.get(replacementOf(clusterKey));
    return text === undefined ? undefined : (JSON.parse(text) as Replacement);
  }

  /**
   * Schedules the replacement after a setup that failed. Nodes that fail before the replacement share its round.
   * @param pauseOf - Returns the pause before the replacement in milliseconds, by the number of its round from 1.
   */
  schedule(clusterKey: string, pauseOf: (round: number) => number): void {
    const now = this.#clock.now();
    const known = this.find(clusterKey);
    if (known && known.time > now) return;
    const round = (known?.round ?? 0) + 1;
    const next: Replacement = { round, time: now + pauseOf(round) };
    this.#settings.set(replacementOf(clusterKey), JSON.stringify(next));
  }

  /** Forgets the failures of a cluster: its unusable nodes are replaced at once. */
  forget(clusterKey: string): void {
    this.#settings.remove(replacementOf(clusterKey));
  }
}

function replacementOf(clusterKey: string): string {
  return `replacement of ${clusterKey}`;
}
