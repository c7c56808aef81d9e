import type { ValidationIssue } from "../../wire/validate.ts";
import type { RequestPlace, ToolkitNode } from "./toolkit.ts";

/** Limits of a count of processes. */
export interface CountLimits {
  /** Most processes on each node. Default: 128, so a wrong number cannot fill the machine with processes. */
  readonly perNode?: number;
  /** Most processes of the whole job. Default: no limit. */
  readonly perJob?: number;
}

/** Most processes of a job that the service starts itself. Every one of them knows the address of every other. */
export const mostStarted = 512;

/** Returns settings with the process count that the API shows: one process for each node. */
export function withProcessCount<S extends { processCount?: number }>(settings: S, nodeCount: number): S {
  return { ...settings, processCount: settings.processCount ?? nodeCount };
}

/** Returns the problem of a count of processes that is too large for the nodes of a job. */
export function countIssues(
  name: string,
  count: number | undefined,
  { path, nodeCount }: RequestPlace,
  { perNode = 128, perJob = Infinity }: CountLimits = {},
): ValidationIssue[] {
  const limit = Math.min(perNode * nodeCount, perJob);
  if (count === undefined || count <= limit) return [];
  const reason = limit === perJob ? "for the whole job" : `${String(perNode)} for each node`;
  return [{ path: `${path}.${name}`, message: `must be at most ${String(limit)} (${reason}), got ${String(count)}` }];
}

/**
 * Returns the position of the node on which a process runs. The processes fill the nodes evenly and in order, as MPI does:
 * the first process is on the master.
 */
export function nodeOf(index: number, count: number, nodes: readonly ToolkitNode[]): number {
  return Math.floor((index * nodes.length) / Math.max(count, nodes.length));
}
