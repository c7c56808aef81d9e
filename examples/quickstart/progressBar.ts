import { size } from "./console.ts";

const BAR_WIDTH = 30;
const NAME_WIDTH = 26;

/**
 * Shows the progress of a transfer on one line. If standard output is not a terminal, a line cannot be rewritten, so
 * the bar prints at most four lines.
 */
export class ProgressBar {
  readonly #name: string;
  readonly #total: number;
  #shown = -1;

  constructor(name: string, total: number) {
    this.#name = name.padEnd(NAME_WIDTH);
    this.#total = total;
  }

  /** Shows the number of transferred bytes. */
  update(bytes: number): void {
    const percent = this.#total === 0 ? 100 : Math.floor((bytes / this.#total) * 100);
    const shown = process.stdout.isTTY ? percent : Math.floor(percent / 25) * 25;
    if (shown <= this.#shown || (!process.stdout.isTTY && shown === 0)) return;
    this.#shown = shown;
    const text = `${`${shown} %`.padStart(5)} of ${size(this.#total)}`;
    if (!process.stdout.isTTY) {
      console.log(`   ${this.#name} ${text}`);
      return;
    }
    const done = Math.round((percent / 100) * BAR_WIDTH);
    process.stdout.write(`\r   ${this.#name} [${"#".repeat(done)}${".".repeat(BAR_WIDTH - done)}] ${text}`);
  }

  /** Ends the line. */
  finish(): void {
    if (process.stdout.isTTY) process.stdout.write("\n");
  }
}
