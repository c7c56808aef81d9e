import { type ChildProcess, spawn } from "node:child_process";
import { errorCode } from "../../ground/systemErrors.ts";

/** Most characters of the output of a program that are kept: a broken program may print without end. */
const mostOutput = 1024 * 1024;

/** Time for the output of a program that has ended while a child of it still holds its pipes, in milliseconds. */
const restOfOutputInMs = 500;

/** End of a program. */
export interface ProgramOutput {
  /** Reason why it could not be started, without a period. */
  readonly notStarted?: string;
  /** Undefined if the program could not be started, or a signal ended it. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it was killed because its time was up. */
  readonly timedOut: boolean;
}

/** A program that tells about hardware, and which may hang when the hardware is broken. Runs once at a time. */
export class Program {
  readonly name: string;
  readonly #path: string;
  readonly #limitInMs: number;
  #kill: () => void = () => undefined;

  /** @param limitInMs - Time after which the program is killed. */
  constructor(name: string, path: string, limitInMs: number) {
    this.name = name;
    this.#path = path;
    this.#limitInMs = limitInMs;
  }

  /**
   * Runs the program to its end, or until it has died after its time was up. A program that waits for its hardware dies
   * only when that responds. Does not wait for children that the program leaves. Never rejects.
   */
  run(args: readonly string[]): Promise<ProgramOutput> {
    return new Promise((resolve) => {
      let [stdout, stderr] = ["", ""];
      let timedOut = false;
      const child = this.#start(args, (error) => {
        resolve({ notStarted: error, exitCode: undefined, stdout: "", stderr: "", timedOut: false });
      });
      if (child === undefined) return;
      let rest: NodeJS.Timeout | undefined;
      const end = (exitCode: number | null) => {
        clearTimeout(limit);
        clearTimeout(rest);
        release(child);
        resolve({ exitCode: exitCode ?? undefined, stdout, stderr, timedOut });
      };
      const limit = setTimeout(() => {
        timedOut = true;
        child.kill("SIGKILL");
      }, this.#limitInMs);
      this.#kill = () => {
        clearTimeout(limit);
        clearTimeout(rest);
        child.kill("SIGKILL");
        release(child);
      };
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        if (stdout.length < mostOutput) stdout += text;
        else child.kill("SIGKILL");
      });
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        if (stderr.length < mostOutput) stderr += text;
      });
      child.once("close", end);
      child.once("exit", (exitCode) => {
        clearTimeout(limit);
        // If this process is busy, the time is up before it has read what is in the pipe.
        rest = setTimeout(() => setImmediate(end, exitCode), restOfOutputInMs);
      });
    });
  }

  /** Kills the program if it runs, and does not wait for its end. */
  kill(): void {
    this.#kill();
  }

  #start(args: readonly string[], failed: (error: string) => void): ChildProcess | undefined {
    try {
      const env = { ...process.env, LC_ALL: "C" };
      const child = spawn(this.#path, args, { stdio: ["ignore", "pipe", "pipe"], env });
      child.once("error", (error) => {
        failed(errorCode(error) === "ENOENT" ? "the program does not exist" : error.message);
      });
      return child.pid === undefined ? undefined : child;
    } catch (error) {
      failed(String(error));
      return undefined;
    }
  }
}

/** Lets this process end although the child has not. */
function release(child: ChildProcess): void {
  child.unref();
  child.stdout?.destroy();
  child.stderr?.destroy();
}

/** Returns text of a program as a part of one sentence: one line, without control characters, at most 200 characters. */
export function quoted(text: string): string {
  const line = text
    // eslint-disable-next-line no-control-regex -- these are what must go
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
  return (line.length > 200 ? `${line.slice(0, 200)}...` : line).replace(/(?<!\.)\.$/, "");
}

/** Returns the reason why the output of a program is not what it should be, as one sentence. */
export function problemOf(name: string, { notStarted, exitCode, stdout, stderr, timedOut }: ProgramOutput): string {
  if (notStarted !== undefined) return `${name} could not be started: ${quoted(notStarted)}.`;
  if (timedOut) return `${name} did not end in time and was killed.`;
  const text = quoted(stdout.trim() === "" ? stderr : stdout);
  const end = exitCode === undefined ? "was killed" : `ended with exit code ${String(exitCode)}`;
  return text === "" ? `${name} ${end} and printed nothing.` : `${name} ${end} and printed: ${text}.`;
}
