import { type BigIntStats, readdirSync, readFileSync, statSync } from "node:fs";
import { errorCode } from "./systemErrors.ts";

/** A process of this machine. A pid alone means nothing: it counts only together with the start time. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Start time in clock ticks since boot. */
  readonly started: string;
}

/** Returns the process with this pid; undefined if it does not exist, or all of its threads have ended. */
export function readProcess(pid: number | string): ProcessEntry | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  // The name in parentheses may contain spaces, parentheses and line breaks.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "Z", parent, , session] = fields ?? [];
  const [threads, started] = [Number(fields?.[17]), fields?.[19]];
  if (started === undefined || ("ZX".includes(state) && threads <= 1)) return undefined;
  return { pid: Number(pid), parent: Number(parent), session: Number(session), started };
}

/** Returns the pids of all processes of this machine. */
export function pidsOfAllProcesses(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** Returns all running processes of this machine. */
export function readProcesses(): ProcessEntry[] {
  return pidsOfAllProcesses()
    .map(readProcess)
    .filter((entry) => entry !== undefined);
}

/** Returns the value of a variable in the environment with which a process was started. */
export function environmentVariableOf(pid: number | string, name: string): string | undefined {
  const environment = readText(`/proc/${pid}/environ`);
  if (environment === undefined) return undefined;
  const begin = `\0${environment}`.indexOf(`\0${name}=`);
  return begin === -1 ? undefined : environment.slice(begin + name.length + 1).split("\0", 1)[0];
}

/** Whether a process is in a control group that has this text in its name. Every user may see that. */
export function isInControlGroup(pid: number | string, text: string): boolean {
  return readText(`/proc/${pid}/cgroup`)?.includes(text) ?? false;
}

/** Returns the working folder of a process; undefined if the process has ended, or belongs to another user. */
export function workingFolderOf(pid: number | string): BigIntStats | undefined {
  try {
    return statSync(`/proc/${pid}/cwd`, { bigint: true });
  } catch (error) {
    if (unreadable.has(errorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** Whether any process was started with this value of the variable. */
export function hasProcesses(variable: string, value: string): boolean {
  return readProcesses().some(({ pid }) => environmentVariableOf(pid, variable) === value);
}

/** Whether the process of the entry still runs, and not another process with its pid. */
export function isAlive(entry: Pick<ProcessEntry, "pid" | "started">): boolean {
  return readProcess(entry.pid)?.started === entry.started;
}

const unreadable = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

/** Any other error says nothing about the process, for example that this process has too many open files. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (unreadable.has(errorCode(error) ?? "")) return undefined; // It has ended, or belongs to another user.
    throw error;
  }
}
