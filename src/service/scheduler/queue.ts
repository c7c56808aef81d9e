import type { QueueEntry } from "../state/queue.ts";

const ranks: Readonly<Record<string, number>> = { high: 0, normal: 1, low: 2 };

/** The order in which jobs get nodes: by priority, and by creation within one priority. */
function inQueueOrder(entries: readonly QueueEntry[]): QueueEntry[] {
  const rank = (entry: QueueEntry) => ranks[entry.priority ?? "normal"] ?? 1;
  return [...entries].sort((a, b) => rank(a) - rank(b) || a.sequence - b.sequence);
}

/**
 * Returns the jobs that start now. Each needs all of its nodes at once (gang scheduling). A job that must wait keeps its
 * place: no job behind it starts earlier, or a large job would starve. A job that is larger than the cluster can become
 * does not block others.
 */
export function jobsToStart(
  entries: readonly QueueEntry[],
  idleNodeCount: number,
  largestNodeCount: number,
): QueueEntry[] {
  const starting: QueueEntry[] = [];
  let free = idleNodeCount;
  for (const entry of inQueueOrder(entries)) {
    if (entry.nodeCount > largestNodeCount) continue;
    if (entry.nodeCount > free) break;
    free -= entry.nodeCount;
    starting.push(entry);
  }
  return starting;
}
