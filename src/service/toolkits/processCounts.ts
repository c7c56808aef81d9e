import type { ValidationIssue } from "../../wire/validate.ts";
import type { RequestPlace, ToolkitNode } from "./toolkit.ts";

/** Most processes of a toolkit on each node of a job, so a wrong number cannot fill the machine with processes. */
const mostPerNode = 128;

/** Most processes of a job that the service starts itself. Every one of them knows the address of every other. */
export const mostStarted = 512;

/** Returns settings with the process count that the API shows: one process for each node. */
export function withProcessCount<S extends { processCount?: number }>(settings: S, nodeCount: number): S {
  return { ...settings, processCount: settings.processCount ?? nodeCount };
}

/**
 * Returns the problem of a count of processes that is too large for the nodes of a job.
 * @param most - Most processes of the whole job. Default: only the nodes limit them.
 */
export function countIssues(
  name: string,
  count: number | undefined,
  { path, nodeCount }: RequestPlace,
  most = Infinity,
): ValidationIssue[] {
  const limit = Math.min(mostPerNode * nodeCount, most);
  if (count === undefined || count <= limit) return [];
  const reason = limit === most ? "for the whole job" : `${String(mostPerNode)} for each node`;
  return [{ path: `${path}.${name}`, message: `must be at most ${String(limit)} (${reason}), got ${String(count)}` }];
}

/**
 * Returns the position of the node on which a process runs. The processes fill the nodes evenly and in order, as MPI does:
 * the first process is on the master.
 */
export function nodeOf(index: number, count: number, nodes: readonly ToolkitNode[]): number {
  return Math.floor((index * nodes.length) / Math.max(count, nodes.length));
}
