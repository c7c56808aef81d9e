import type { Queue, QueueEntry } from "../state/queue.ts";

/**
 * Returns the jobs that start now. Each needs all of its nodes at once (gang scheduling). A job that must wait keeps its
 * place: no job behind it starts earlier, or a large job would starve. A job that is larger than the cluster can become
 * does not block others. Reads only the jobs that start and the first one that does not.
 */
export function jobsToStart(
  queue: Queue,
  clusterKey: string,
  idleNodeCount: number,
  largestNodeCount: number,
): QueueEntry[] {
  const starting: QueueEntry[] = [];
  if (idleNodeCount === 0) return starting;
  let free = idleNodeCount;
  for (const entry of inQueueOrder(queue, clusterKey, largestNodeCount)) {
    if (entry.nodeCount > free) break;
    free -= entry.nodeCount;
    starting.push(entry);
    if (free === 0) break;
  }
  return starting;
}

/**
 * The order in which jobs get nodes: by priority, and by creation within one priority. The queue has this order within
 * each node count, and this merges them: so jobs that are too large are not read at all.
 */
export function* inQueueOrder(queue: Queue, clusterKey: string, largestNodeCount: number): Generator<QueueEntry, void> {
  let heads = queue.nodeCounts(clusterKey, largestNodeCount).flatMap((count) => queue.first(clusterKey, count) ?? []);
  for (let next = firstOf(heads); next !== undefined; next = firstOf(heads)) {
    yield next;
    const taken = next;
    heads = heads.flatMap((head) => (head === taken ? (queue.first(clusterKey, taken.nodeCount, taken) ?? []) : head));
  }
}

function firstOf(entries: readonly QueueEntry[]): QueueEntry | undefined {
  return entries.reduce<QueueEntry | undefined>(
    (first, entry) => (first === undefined || comesBefore(entry, first) ? entry : first),
    undefined,
  );
}

/** Whether a job gets nodes and GPUs before another one. */
export function comesBefore(a: QueueEntry, b: QueueEntry): boolean {
  return a.rank === b.rank ? a.sequence < b.sequence : a.rank < b.rank;
}

/**
 * Positions of jobs in the queues of clusters, while the queues do not change. Counts on from the last job of the same
 * cluster and priority, so all positions of a list together cost one pass over the queue.
 */
export class QueuePositions {
  readonly #queue: Queue;
  readonly #last = new Map<string, { readonly sequence: number; readonly position: number }>();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Returns the position of a job among the jobs that are not too large for the cluster, from 1. */
  of(clusterKey: string, { rank, sequence }: QueueEntry, largestNodeCount: number): number {
    const series = `${String(rank)} ${clusterKey}`;
    const last = this.#last.get(series);
    const start = last && last.sequence <= sequence ? last : this.#startOf(clusterKey, rank, largestNodeCount);
    const ahead = this.#queue.countBetween(clusterKey, rank, start.sequence, sequence, largestNodeCount);
    const position = start.position + ahead;
    this.#last.set(series, { sequence, position });
    return position;
  }

  #startOf(clusterKey: string, rank: number, largestNodeCount: number): { sequence: number; position: number } {
    return { sequence: 0, position: 1 + this.#queue.countOfSmallerRank(clusterKey, rank, largestNodeCount) };
  }
}
