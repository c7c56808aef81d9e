import type { QueueEntry } from "../state/queue.ts";

const ranks: Readonly<Record<string, number>> = { high: 0, normal: 1, low: 2 };

/** The order in which jobs get nodes: by priority, and by creation within one priority. */
function inQueueOrder(entries: readonly QueueEntry[]): QueueEntry[] {
  const rank = (entry: QueueEntry) => ranks[entry.priority ?? "normal"] ?? 1;
  return [...entries].sort((a, b) => rank(a) - rank(b) || a.sequence - b.sequence);
}

/**
 * The jobs that start now. Each needs all of its nodes at once (gang). A job that has to wait keeps its place: none
 * behind it overtakes, or a large job would starve. A job that is larger than the cluster can become blocks nobody.
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
