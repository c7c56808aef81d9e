import { readdirSync, readFileSync } from "node:fs";

/** A process of this machine. A pid alone means nothing: it counts only together with the start time. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Start time in clock ticks since boot. */
  readonly started: string;
}

/** Returns the process with this pid; undefined if it does not exist, or has ended and was not reaped. */
export function readProcess(pid: number | string): ProcessEntry | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  // The name in parentheses may contain spaces, parentheses and line breaks.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "Z", parent, , session] = fields ?? [];
  const started = fields?.[19];
  if (started === undefined || state === "Z" || state === "X") return undefined;
  return { pid: Number(pid), parent: Number(parent), session: Number(session), started };
}

/** Returns all running processes of this machine. */
export function readProcesses(): ProcessEntry[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(readProcess).filter((entry) => entry !== undefined);
}

/** Returns the value of a variable in the environment with which a process was started. */
export function environmentVariableOf(pid: number, name: string): string | undefined {
  const environment = readText(`/proc/${pid}/environ`);
  if (environment === undefined) return undefined;
  const begin = `\0${environment}`.indexOf(`\0${name}=`);
  return begin === -1 ? undefined : environment.slice(begin + name.length + 1).split("\0", 1)[0];
}

/** Whether any process was started with this value of the variable. */
export function hasProcesses(variable: string, value: string): boolean {
  return readProcesses().some(({ pid }) => environmentVariableOf(pid, variable) === value);
}

/** Whether the process of the entry still runs, and not another process with its pid. */
export function isAlive(entry: Pick<ProcessEntry, "pid" | "started">): boolean {
  return readProcess(entry.pid)?.started === entry.started;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined; // The process has ended, or belongs to another user.
  }
}
