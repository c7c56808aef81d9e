import { type ProgramOutput, runProgram } from "../../ground/runProgram.ts";

/** A program that tells about hardware, and which may hang when the hardware is broken. Runs once at a time. */
export class Program {
  readonly name: string;
  readonly #path: string;
  readonly #limitInMs: number;
  #running = new AbortController();

  /** @param limitInMs - Time after which the program is killed. */
  constructor(name: string, path: string, limitInMs: number) {
    this.name = name;
    this.#path = path;
    this.#limitInMs = limitInMs;
  }

  /** Runs the program as {@link runProgram} does. */
  run(args: readonly string[]): Promise<ProgramOutput> {
    this.#running = new AbortController();
    return runProgram(this.#path, args, { limitInMs: this.#limitInMs, abortSignal: this.#running.signal });
  }

  /** Kills the program if it runs, and does not wait for its end. */
  kill(): void {
    this.#running.abort();
  }
}
