import type { DataFolders } from "../dataFolders.ts";
import type { Run } from "../state/runs.ts";
import type { Store } from "../state/store.ts";
import type { VolumeOwner } from "../volumes/volume.ts";
import type { SchedulerContext } from "./context.ts";

/** Returns the names of the clusters and jobs whose volumes stay mounted: clusters with nodes, and jobs that run. */
export function volumeOwners(store: Store, folders: DataFolders): string[] {
  const clusters = store.resources
    .keys("clusters")
    .filter((key) => Object.values(store.nodes.countsOf(key)).some((count) => count > 0));
  return [...clusters.map((key) => folders.clusterVolumes(key).name), ...runningJobs(store, folders)];
}

/** Like {@link volumeOwners}, with only those clusters on which something runs: others mount their volumes again. */
export function busyVolumeOwners(store: Store, folders: DataFolders): string[] {
  const nodes = new Set(store.runs.allAlive().flatMap((run) => run.nodes));
  const clusters = new Set([...nodes].flatMap((id) => store.nodes.find(id)?.cluster ?? []));
  return [...[...clusters].map((key) => folders.clusterVolumes(key).name), ...runningJobs(store, folders)];
}

/** The cluster as an owner of volumes that a run attaches. */
export function clusterVolumesOf(
  { store, folders }: Pick<SchedulerContext, "store" | "folders">,
  clusterKey: string,
  runId: string,
): VolumeOwner {
  const isOnCluster = ({ nodes }: Run) => nodes.some((id) => store.nodes.find(id)?.cluster === clusterKey);
  return {
    ...folders.clusterVolumes(clusterKey),
    // A run without a handle has not started.
    isUsed: () => store.runs.allAlive().some((run) => run.id !== runId && run.handle && isOnCluster(run)),
  };
}

function runningJobs(store: Store, folders: DataFolders): string[] {
  const jobs = store.runs.allAlive().filter(({ kind }) => kind === "job");
  return jobs.map(({ owner }) => folders.jobVolumes(owner).name);
}
