import { type ChildProcess, spawn } from "node:child_process";
import { errorCode } from "./systemErrors.ts";

/** Most characters of each output of a program that are kept: a broken program may print without end. */
const mostOutput = 1024 * 1024;
/** Time for the output of a program that has ended while a child of it still holds its pipes, in milliseconds. */
const restOfOutputInMs = 500;

/** Options of {@link runProgram}. */
export interface ProgramOptions {
  /** Time after which the program and its children are killed, in milliseconds. */
  readonly limitInMs: number;
  /** Most characters on standard output: a program that prints more is killed. Default: 1,048,576. */
  readonly mostOutput?: number;
  /** Its variables; `LC_ALL` is always `C`. Default: those of this process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Working directory. Default: that of this process. */
  readonly directory?: string;
  /** Kills the program and its children when it is aborted. */
  readonly abortSignal?: AbortSignal;
}

/** End of a program. */
export interface ProgramOutput {
  /** Reason why it could not be started. Standard error contains it too. */
  readonly notStarted?: string;
  /** Undefined if the program could not be started, or a signal ended it. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it was killed because its time was up. */
  readonly timedOut: boolean;
}

/**
 * Runs a program to its end, or until it has died after its time was up. A program that waits for hardware or for a file
 * server dies only when that responds. Does not wait for children that the program leaves. Never rejects.
 */
export function runProgram(path: string, args: readonly string[], options: ProgramOptions): Promise<ProgramOutput> {
  const { limitInMs, abortSignal } = options;
  return new Promise((resolve) => {
    let [stdout, stderr] = ["", ""];
    let timedOut = false;
    const child = start(path, args, options, (error) => {
      resolve({ notStarted: error, exitCode: undefined, stdout: "", stderr: error, timedOut: false });
    });
    if (child === undefined) return;
    const limit = setTimeout(() => {
      timedOut = true;
      killAll(child);
    }, limitInMs);
    let rest: NodeJS.Timeout | undefined;
    const abort = () => {
      clearTimeout(limit);
      clearTimeout(rest);
      killAll(child);
      release(child);
    };
    const end = (exitCode: number | null) => {
      clearTimeout(limit);
      clearTimeout(rest);
      abortSignal?.removeEventListener("abort", abort);
      release(child);
      resolve({ exitCode: exitCode ?? undefined, stdout, stderr, timedOut });
    };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const most = options.mostOutput ?? mostOutput;
      if (stdout.length <= most) stdout += text;
      if (stdout.length > most) killAll(child);
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
    abortSignal?.addEventListener("abort", abort, { once: true });
    if (abortSignal?.aborted === true) abort();
  });
}

function start(
  path: string,
  args: readonly string[],
  { environment = process.env, directory }: ProgramOptions,
  failed: (error: string) => void,
): ChildProcess | undefined {
  try {
    const env = { ...environment, LC_ALL: "C" };
    // A group of its own, because a script that takes the place of the program dies without its children.
    const child = spawn(path, args, { cwd: directory, stdio: ["ignore", "pipe", "pipe"], env, detached: true });
    child.once("error", (error) => {
      failed(errorCode(error) === "ENOENT" ? "the program does not exist" : error.message);
    });
    return child.pid === undefined ? undefined : child;
  } catch (error) {
    failed(String(error));
    return undefined;
  }
}

/** Kills a program that has not ended yet, and its children. */
function killAll(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
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
