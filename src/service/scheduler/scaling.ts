import type { ScaleSettings } from "../../models/cluster.ts";

/** Figures for an automatic scale decision. */
export interface ClusterDemand {
  /** Nodes that running jobs occupy. */
  readonly busyNodeCount: number;
  /** Nodes that the queued jobs need together, without jobs that are larger than the cluster can become. */
  readonly queuedNodeCount: number;
  /** Nodes that the cluster has now, without leaving ones. */
  readonly currentNodeCount: number;
  /** Nodes that have been idle for longer than the cluster keeps idle nodes. */
  readonly longIdleNodeCount: number;
}

/** The most nodes that a cluster can have, and the property of its scale settings that says so. */
export interface ScaleLimit {
  readonly property: string;
  readonly count: number;
}

/** Returns the limit in scale settings. */
export function scaleLimitOf(settings: ScaleSettings | undefined): ScaleLimit {
  const { autoScale, manual } = settings ?? {};
  if (autoScale) return { property: "autoScale.maximumNodeCount", count: autoScale.maximumNodeCount };
  return { property: "manual.targetNodeCount", count: manual?.targetNodeCount ?? 0 };
}

/** The most nodes that a cluster can have under its scale settings. */
export function largestNodeCount(settings: ScaleSettings | undefined): number {
  return scaleLimitOf(settings).count;
}

/**
 * Returns the number of nodes that a cluster should have. Manual: the target. Automatic: up at once to what running and queued jobs need,
 * down by the nodes that have been idle for long, always within minimum and maximum.
 */
export function targetNodeCount(settings: ScaleSettings | undefined, demand: ClusterDemand): number {
  const auto = settings?.autoScale;
  if (!auto) return settings?.manual?.targetNodeCount ?? 0;
  const { minimumNodeCount: minimum, maximumNodeCount: maximum } = auto;
  const needed = demand.busyNodeCount + demand.queuedNodeCount;
  const kept = demand.currentNodeCount - demand.longIdleNodeCount;
  return Math.min(maximum, Math.max(minimum, needed, kept));
}
