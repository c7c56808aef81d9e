import { createHash, randomUUID } from "node:crypto";
import { lstatSync, opendirSync, readdirSync, renameSync } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { isWithin } from "../ground/containment.ts";
import { isRefusal, makeWritable, removeTree } from "../ground/removeTree.ts";
import { errorCode } from "../ground/systemErrors.ts";
import { mountsCovering } from "../ground/mountTable.ts";
import { uncover, unmountBelow } from "../ground/unmount.ts";
import type { JobFolders } from "./launch/job.ts";
import type { Logger } from "./logger.ts";
import { ownerFile } from "./mountRoot.ts";
import { createFolder } from "../ground/createFolder.ts";

/** IDs and keys in the store whose folders exist. */
export interface FolderOwners {
  /** IDs of runs that have not ended. */
  readonly runs: readonly string[];
  readonly nodes: readonly string[];
  /** Keys of clusters. */
  readonly clusters: readonly string[];
  /** Keys of jobs. */
  readonly jobs: readonly string[];
}

/** Returns the folder in a data folder that contains the private folders of runs, by the ID of the run. */
export function runsFolderOf(dataDir: string): string {
  return join(dataDir, "runs");
}

/** The folders of the service: where each thing is, and how it is removed. */
export class DataFolders {
  readonly #dataDir: string;
  readonly #mountRoot: string;
  readonly #logger: Logger;
  readonly #removals = new Set<Promise<void>>();

  /**
   * @param dataDir - Real path of the data folder: what is mounted is found by real paths.
   * @param mountRoot - Folder of the mount roots, from `openMountRoot`.
   */
  constructor(dataDir: string, mountRoot: string, logger: Logger) {
    this.#dataDir = dataDir;
    this.#mountRoot = mountRoot;
    this.#logger = logger;
  }

  /** Private folder of a run. */
  run(runId: string): string {
    return join(runsFolderOf(this.#dataDir), runId);
  }

  /**
   * Local disk of a node: every run has its scratch directory in it.
   * @param scratchDirectory - Folder on the machine of the node that contains it. Default: a folder of the service.
   */
  node(nodeId: string, scratchDirectory?: string): string {
    if (scratchDirectory === undefined) return join(this.#mountRoot, "nodes", shortName(nodeId));
    return join(scratchDirectory, `batchai-${basename(this.#mountRoot)}`, shortName(nodeId));
  }

  /** `$AZ_BATCHAI_MOUNT_ROOT` of a cluster. A cluster that is created again has the same folder. */
  clusterMountRoot(clusterKey: string): string {
    return join(this.#mountRoot, `c-${shortName(clusterKey)}`);
  }

  /** Folders of a job. A job that is created again has the same folders. */
  job(jobKey: string): JobFolders {
    const root = join(this.#mountRoot, `j-${shortName(jobKey)}`);
    return {
      root,
      mountRoot: join(root, "mounts"),
      sharedTemp: join(root, "shared"),
      hostFile: join(root, "hostfile"),
    };
  }

  /** The cluster as an owner of volumes. */
  clusterVolumes(clusterKey: string): { readonly name: string; readonly mountRoot: string } {
    const mountRoot = this.clusterMountRoot(clusterKey);
    return { name: basename(mountRoot), mountRoot };
  }

  /** The job as an owner of volumes. */
  jobVolumes(jobKey: string): { readonly name: string; readonly mountRoot: string } {
    const { root, mountRoot } = this.job(jobKey);
    return { name: basename(root), mountRoot };
  }

  /** Folder of a file server. Sequence numbers are never used twice, so it never has the data of a deleted one. */
  fileServer(sequence: number): string {
    return join(this.#dataDir, "fileservers", String(sequence));
  }

  /** Removes the private folder of a run. */
  discardRun(runId: string): void {
    this.#discard(this.run(runId));
  }

  /** Removes the local disk of a node that has left. */
  discardNode(nodeId: string): void {
    this.#discard(this.node(nodeId));
    this.#discard(this.#earlierNode(nodeId));
  }

  /** Removes the mount root of a cluster, without what it leads to. */
  discardCluster(clusterKey: string): void {
    this.#discard(this.clusterMountRoot(clusterKey));
  }

  /** Removes the folders of a job, without what its mounts lead to. */
  discardJob(jobKey: string): void {
    this.#discard(this.job(jobKey).root);
  }

  /** Removes the data of a file server. */
  discardFileServer(sequence: number): void {
    this.#discard(this.fileServer(sequence));
  }

  /**
   * Removes the local disks of nodes that take their next run: what earlier runs left there is not kept.
   * Rejects if a disk cannot be removed.
   */
  async wipeNodes(nodeIds: readonly string[]): Promise<void> {
    for (const folder of nodeIds.map((nodeId) => this.node(nodeId))) {
      await uncover(this.#mountRoot, folder);
      if (!(await emptiedAtOnce(folder)) && !this.#setAside(folder)) await this.#clear(folder);
    }
  }

  /**
   * Removes the folders that an earlier process of the service left: those that it had discarded, and those whose owner
   * does not exist, because the process ended between the two.
   */
  sweep(owners: FolderOwners): void {
    for (const trash of this.#trashes()) this.#inBackground(this.#empty(trash));
    const roots = [
      ...owners.clusters.map((key) => this.clusterMountRoot(key)),
      ...owners.jobs.map((key) => this.job(key).root),
    ];
    this.#discardOthers(runsFolderOf(this.#dataDir), owners.runs);
    this.#discardOthers(join(this.#dataDir, "nodes"), owners.nodes);
    this.#discardOthers(
      join(this.#mountRoot, "nodes"),
      owners.nodes.map((id) => basename(this.node(id))),
    );
    this.#discardOthers(
      this.#mountRoot,
      roots.map((root) => basename(root)),
      /^[cj]-/,
    );
  }

  /** Waits until all that was discarded is removed, and removes the folder of the mount roots if nothing is left in it. */
  async close(): Promise<void> {
    await Promise.all(this.#removals);
    for (const folder of [...this.#trashes(), join(this.#mountRoot, "nodes")])
      await rmdir(folder).catch(() => undefined);
    const left = await readdir(this.#mountRoot).catch(() => []);
    if (left.every((name) => name === ownerFile)) await this.#remove(this.#mountRoot);
  }

  /** Discards everything in a folder but the entries with these names, and files of engines beside them: `NAME.SUFFIX`. */
  #discardOthers(folder: string, kept: readonly string[], pattern = /(?:)/): void {
    const known = new Set(kept);
    if (this.#isCovered(folder)) {
      this.#logger.warn({ folder }, "a file system is mounted over a folder of the service; it is left alone");
      return;
    }
    // A link leads to files that do not belong to the service. A job may have locked the folder.
    const isOurs = lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (isOurs) makeWritable(folder);
    const names = isOurs ? readdirSync(folder) : [];
    const isKept = (name: string): boolean => known.has(name) || known.has(name.replace(/\.[a-z]+$/, ""));
    for (const name of names) if (pattern.test(name) && !isKept(name)) this.#discard(join(folder, name));
  }

  #discard(folder: string): void {
    if (!this.#setAside(folder)) this.#inBackground(this.#remove(folder));
  }

  /**
   * Moves a folder aside at once, so that its path is free for a successor, and removes it after that. Returns whether
   * the path is free.
   */
  #setAside(folder: string): boolean {
    const trash = join(this.#rootOf(folder), "trash");
    const aside = join(trash, randomUUID());
    try {
      if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return true;
      if (this.#isCovered(folder)) return false;
      createFolder(trash, 0o700);
      moveAside(folder, aside);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return true;
      this.#logger.warn({ folder, error: String(error) }, "failed to move a folder aside");
      return false;
    }
    this.#inBackground(this.#remove(aside));
    return true;
  }

  /** One in each file system: a folder can be moved only within its own. */
  #trashes(): [inDataDir: string, inMountRoot: string] {
    return [join(this.#dataDir, "trash"), join(this.#mountRoot, "trash")];
  }

  /** Local disk of a node that an earlier version of the service created. */
  #earlierNode(nodeId: string): string {
    return join(this.#dataDir, "nodes", nodeId);
  }

  #inBackground(work: Promise<void>): void {
    const removal = work
      .catch((error: unknown) => {
        this.#logger.warn({ error: String(error) }, "failed to empty a folder");
      })
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** Removes everything in a folder. Does not follow a link, because its target does not belong to the service. */
  async #empty(folder: string): Promise<void> {
    await uncover(this.#rootOf(folder), folder);
    if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
    const names = await readdir(folder).catch((error: unknown) => {
      if (errorCode(error) !== "ENOENT") throw error;
      return [];
    });
    await Promise.all(names.map((name) => this.#remove(join(folder, name))));
  }

  async #remove(folder: string): Promise<void> {
    try {
      await this.#clear(folder);
    } catch (error) {
      this.#logger.warn({ folder, error: String(error) }, "failed to remove a folder");
    }
  }

  /** A job may have mounted something in its folders. Its content does not belong to the service, and is never removed. */
  async #clear(folder: string): Promise<void> {
    await uncover(this.#rootOf(folder), folder);
    await unmountBelow(folder);
    await removeTree(folder);
  }

  /** Whether a job has mounted something over a folder of the service, or above it. */
  #isCovered(folder: string): boolean {
    return mountsCovering(this.#rootOf(folder), folder).length > 0;
  }

  #rootOf(folder: string): string {
    return isWithin(this.#mountRoot, folder) ? this.#mountRoot : this.#dataDir;
  }
}

/**
 * Removes a single empty folder from a folder. Returns whether nothing is left in it. That is all that most jobs leave on
 * the disk of a node, and it costs little to find out.
 */
async function emptiedAtOnce(path: string): Promise<boolean> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found === undefined;
  const folder = opendirSync(path);
  try {
    const entries = [folder.readSync(), folder.readSync()];
    if (entries[0] && !entries[1]) await rmdir(join(path, entries[0].name));
    return !entries[1];
  } catch {
    return false; // It is a file, or a folder that is not empty.
  } finally {
    folder.closeSync();
  }
}

/** Renames a folder, also one that a job made read-only. */
function moveAside(folder: string, aside: string): void {
  try {
    renameSync(folder, aside);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    makeWritable(folder);
    renameSync(folder, aside);
  }
}

function shortName(key: string): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 12);
}
