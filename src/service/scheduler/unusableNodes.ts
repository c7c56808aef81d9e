import type { StoredResource } from "../state/resources.ts";
import type { SchedulerContext } from "./context.ts";

const longestPauseInMs = 5 * 60_000;
const retryInMs = 1000;
/** Pause before the second replacement and later ones at least: a setup that always fails must not keep the machine busy. */
const shortestPauseInMs = 1000;

/** Schedules the replacement of the unusable nodes of a cluster, after the setup of a node has failed. */
export function scheduleReplacement({ store, nodeReplacementDelayInMs }: SchedulerContext, clusterKey: string): void {
  store.replacements.schedule(clusterKey, (round) => {
    const pause = Math.min(nodeReplacementDelayInMs * 2 ** (round - 1), longestPauseInMs);
    return Math.max(nodeReplacementDelayInMs, round === 1 ? 0 : shortestPauseInMs, pause);
  });
}

/**
 * Lets the unusable nodes of a cluster leave if the time of their replacement has come: what the cluster needs is then
 * added anew. Runs inside a transaction of the caller.
 */
export function dismissUnusableNodes({ store }: SchedulerContext, { key }: StoredResource<"clusters">): void {
  if (store.nodes.countsOf(key).unusable === 0) return;
  const replacement = store.replacements.find(key);
  if (replacement && replacement.time > store.clock.now()) return;
  for (const node of store.nodes.ofCluster(key)) {
    if (node.state === "unusable") store.nodes.setState(node.id, "leaving");
  }
}

/** Returns when the unusable nodes of a cluster are replaced, on the steady clock; undefined if it has none. */
export function nextReplacement({ store }: SchedulerContext, { key }: StoredResource<"clusters">): number | undefined {
  if (store.nodes.countsOf(key).unusable === 0) return undefined;
  const now = store.clock.now();
  const time = store.replacements.find(key)?.time ?? now;
  // A replacement that is due and has not happened waits for a shortage to end.
  return time > now ? time : now + retryInMs;
}

/** Forgets the failed setups of a cluster after a successful one, unless other nodes are still unusable. */
export function forgetFailedSetups({ store }: SchedulerContext, clusterKey: string): void {
  if (store.nodes.countsOf(clusterKey).unusable === 0) store.replacements.forget(clusterKey);
}
