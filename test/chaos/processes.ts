import { readdirSync, readFileSync } from "node:fs";

/** A process of this machine. */
export interface ProcessLook {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  /** Variables of its environment; empty if the process belongs to another user. */
  readonly environment: ReadonlyMap<string, string>;
}

/** Returns all processes that have not ended. */
export function allProcesses(): ProcessLook[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => look(Number(name)) ?? []);
}

/** Returns the processes whose environment contains a variable with this value. */
export function processesWith(variable: string, value: string): ProcessLook[] {
  return allProcesses().filter(({ environment }) => environment.get(variable) === value);
}

/** Returns the process; undefined if it has ended. */
export function look(pid: number): ProcessLook | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === undefined || parent === undefined || "ZX".includes(state)) return undefined;
  return {
    pid,
    parent: Number(parent),
    command: textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " "),
    environment: new Map(
      textOf(`/proc/${pid}/environ`)
        .split("\0")
        .map((pair): [string, string] => [pair.replace(/=.*/s, ""), pair.replace(/^[^=]*=/, "")]),
    ),
  };
}

/** Sends a signal. Has no effect on a process that has ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Returns the number of open descriptors of a process. */
export function descriptorsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0; // It has ended.
  }
}

/** Returns the memory of a process in MB. */
export function memoryOf(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0) / 1024);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // The process has ended, or belongs to another user.
  }
}
