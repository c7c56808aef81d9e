/** A promise that the service did not keep. */
export interface Violation {
  readonly oracle: string;
  readonly text: string;
  readonly scenario: string;
  readonly afterInSeconds: number;
}

/** Collects what a run sees: violations, and counters for the table at its end. */
export class Report {
  readonly violations: Violation[] = [];
  scenario = "preparation";
  readonly #begin = performance.now();
  readonly #counters = new Map<string, number>();
  readonly #samples = new Map<string, number[]>();
  readonly #known = new Set<string>();

  /** Records that an oracle is hurt. The same text counts once. */
  hurt(oracle: string, text: string): void {
    const key = `${oracle} ${text}`;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    this.violations.push({ oracle, text, scenario: this.scenario, afterInSeconds: this.seconds });
    this.say(`HURT ${oracle}: ${text}`);
  }

  count(name: string, by = 1): void {
    this.#counters.set(name, this.counted(name) + by);
  }

  counted(name: string): number {
    return this.#counters.get(name) ?? 0;
  }

  /** Records one value of a figure whose range the table shows. */
  sample(name: string, value: number): void {
    this.#samples.set(name, [...(this.#samples.get(name) ?? []), value]);
  }

  samples(name: string): readonly number[] {
    return this.#samples.get(name) ?? [];
  }

  get kills(): number {
    return [...this.#counters]
      .filter(([name]) => name.startsWith("kills: "))
      .reduce((sum, [, count]) => sum + count, 0);
  }

  get seconds(): number {
    return Math.round((performance.now() - this.#begin) / 100) / 10;
  }

  say(text: string): void {
    process.stdout.write(`${this.seconds.toFixed(1).padStart(7)} s  ${text}\n`);
  }

  /** Returns the table of figures. */
  table(): string {
    const counters = [...this.#counters].sort(([a], [b]) => a.localeCompare(b));
    const rows: [string, string][] = [
      ["kills, all", String(this.kills)],
      ...counters.map(([name, count]): [string, string] => [name, String(count)]),
      ...[...this.#samples].map(([name, values]): [string, string] => [name, rangeOf(values)]),
    ];
    return rows.map(([name, value]) => `| ${name} | ${value} |`).join("\n");
  }
}

function rangeOf(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const show = (value: number | undefined): string => String(Math.round((value ?? 0) * 10) / 10);
  const first = show(values[0]);
  const last = show(values.at(-1));
  return `median ${show(sorted[sorted.length >> 1])}, highest ${show(sorted.at(-1))} (first ${first}, last ${last})`;
}
