import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** How a child process ended and what it printed. */
export interface FinishedProcess {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A script that runs in a process of its own. */
export class RunningScript {
  readonly process: ChildProcess;
  readonly finished: Promise<FinishedProcess>;
  #stdout = "";
  #stderr = "";

  /** Starts it with the Node.js that runs the tests. */
  constructor(script: string, parameters: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    const child = spawn(process.execPath, [script, ...parameters], { ...options, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.process = child;
    this.finished = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (exitCode) => resolve({ exitCode, stdout: this.#stdout, stderr: this.#stderr }));
    });
  }

  /** Waits until it has printed something that matches; fails when it ends before. */
  async printed(pattern: RegExp): Promise<void> {
    await Promise.race([
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (pattern.test(this.#stdout)) resolve();
        };
        this.process.stdout?.on("data", look);
        look();
      }),
      this.finished.then(({ stdout, stderr }) => {
        throw new Error(`It ended without printing ${String(pattern)}:\n${stdout}\n${stderr}`);
      }),
    ]);
  }
}

/** Runs a script until it ends. */
export function runNode(script: string, ...parameters: string[]): Promise<FinishedProcess> {
  return new RunningScript(script, parameters).finished;
}

/** Command lines of all processes that have to do with a folder: by working directory, command line or environment. */
export function processesOf(folder: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      const traces = [commandLine, readFileSync(`/proc/${pid}/environ`, "latin1"), readlinkSync(`/proc/${pid}/cwd`)];
      return traces.some((trace) => trace.includes(folder)) ? [`${pid} ${commandLine.replaceAll("\0", " ")}`] : [];
    } catch {
      return []; // It has ended meanwhile, or is not ours.
    }
  });
}
