import { setTimeout as delay } from "node:timers/promises";
import { isAlive, type ProcessEntry, readProcesses } from "../../../ground/processTable.ts";
import { MarkedProcesses } from "./markedProcesses.ts";

const marked = new MarkedProcesses();

/** Whether no process of a run is left. */
export async function isRunOver(runId: string): Promise<boolean> {
  return (await marked.ofRun(runId)).length === 0;
}

/**
 * Returns the processes of a run: those with its marker in their environment, whatever their parents, groups and sessions
 * are; all other processes in the same sessions; and all descendants of these.
 */
async function membersOf(runId: string): Promise<ProcessEntry[]> {
  const markedPids = new Set(await marked.ofRun(runId));
  if (markedPids.size === 0) return [];
  const entries = readProcesses();
  const members = new Set(markedPids);
  // A session that the run opened: the supervisor leads its own, so no marked process is in a session of the service.
  const sessions = new Set(entries.filter(({ pid }) => markedPids.has(pid)).map(({ session }) => session));
  for (const { pid, session } of entries) if (session !== 0 && sessions.has(session)) members.add(pid);
  let before: number;
  do {
    before = members.size;
    for (const { pid, parent } of entries) if (members.has(parent)) members.add(pid);
  } while (members.size > before);
  return entries.filter(({ pid }) => members.has(pid) && pid !== process.pid && pid !== process.ppid);
}

/** Stops every process of a run, politely first and by force after the grace period. Resolves when none is left. */
export async function endRun(runId: string, gracePeriodInMs: number): Promise<void> {
  const deadline = performance.now() + gracePeriodInMs;
  const seen = new Map<string, ProcessEntry>();
  let emptyLooks = 0;
  for (let round = 0; ; round += 1) {
    for (const member of await membersOf(runId)) {
      const key = `${member.pid} ${member.started}`;
      if (!seen.has(key)) signal(member, "SIGTERM", "SIGCONT");
      seen.set(key, member);
    }
    const left = [...seen.values()].filter(isAlive);
    // A process may have forked between a look and its signal, and so be seen only at the next look.
    emptyLooks = left.length === 0 ? emptyLooks + 1 : 0;
    if (emptyLooks >= 2 || seen.size === 0) return;
    if (performance.now() >= deadline) for (const member of left) signal(member, "SIGKILL");
    await delay(Math.min(5 * 2 ** round, 100));
  }
}

/** Signals a process, unless its pid now belongs to another process. */
function signal(entry: ProcessEntry, ...signals: NodeJS.Signals[]): void {
  if (!isAlive(entry)) return;
  try {
    for (const name of signals) process.kill(entry.pid, name);
  } catch {
    // It has ended.
  }
}
