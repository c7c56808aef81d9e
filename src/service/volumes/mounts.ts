import { lstatSync } from "node:fs";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isMountPoint, mountsBelow } from "../../ground/mountTable.ts";
import { removeTree } from "../../ground/removeTree.ts";
import { reasonOf } from "../../ground/systemErrors.ts";
import { detachBelow, uncover, unmountBelow } from "../../ground/unmount.ts";
import { withinTime } from "../../ground/withinTime.ts";
import type { Logger } from "../logger.ts";
import { carryOut, limitLog, MountFailure, stateOf, type MountCommand } from "./mountCommand.ts";
import { mountProcesses, signalAll } from "./mountProcesses.ts";

const pollInMs = 50;
const killedAfterInMs = 5000;
/** Longer than looking at a mount, or unmounting it by force, takes. */
const closedAfterInMs = 45_000;

const silentAndUsed =
  "it is mounted but does not respond, and it is not mounted again because others use it. " +
  "Submit the job again when it responds, or after the other jobs of the cluster have ended.";

/** Limits of {@link Mounts}. */
export interface MountLimits {
  /** Time that mounting one volume may take, in milliseconds. Default: 60,000. */
  readonly mountInMs?: number | undefined;
  /** Time that a mount has to write what is pending when it is unmounted, in milliseconds. Default: 60,000. */
  readonly flushInMs?: number | undefined;
}

/** The place of one mount. */
export interface MountPlace {
  /** Absolute path of the mount point. */
  readonly target: string;
  /** Private folder for the files of the program that mounts it; it contains nothing that is mounted. */
  readonly files: string;
}

/** Returns the command that mounts something at a place. May write to its private folder. */
export type CommandFor = (place: MountPlace) => Promise<MountCommand>;

/**
 * The file systems that the service has mounted for clusters and jobs, its owners. Nothing is recorded: every mount point
 * is in a folder of its owner, so the kernel's table shows at any time what is mounted for whom, also after a crash.
 * Mount points are in a folder of their own, which is never removed as a tree, so that a removal never enters a mount.
 */
export class Mounts {
  readonly #points: string;
  readonly #files: string;
  readonly #logger: Logger;
  readonly #mountInMs: number;
  readonly #flushInMs: number;
  #closing = new AbortController();
  /** The last piece of work on the mounts of each owner: one waits for the other. */
  readonly #work = new Map<string, Promise<unknown>>();
  /** The last failure at each mount point. */
  readonly #failures = new Map<string, { readonly error: unknown; readonly at: number }>();

  /** @param folder - Folder of the mount roots, from `openMountRoot`. */
  constructor(folder: string, logger: Logger, { mountInMs = 60_000, flushInMs = 60_000 }: MountLimits = {}) {
    this.#points = join(folder, "volumes");
    this.#files = join(folder, "mounting");
    this.#logger = logger;
    this.#mountInMs = mountInMs;
    this.#flushInMs = flushInMs;
  }

  /**
   * Mounts something for an owner, unless it is mounted and can be read. Returns the mount point. Rejects with a
   * `MountFailure`, and with the reason of the signal if it is aborted.
   * @param name - Name of the mount point in the folder of the owner.
   * @param isUsed - Whether others use the mounts of the owner. Then one that does not respond is left to them: it may
   * only be busy, and their changes would be lost.
   */
  async mount(
    owner: string,
    name: string,
    commandFor: CommandFor,
    abortSignal: AbortSignal,
    isUsed: () => boolean = () => false,
  ): Promise<string> {
    const target = join(this.#points, owner, name);
    const asked = performance.now();
    return await this.#inTurn(owner, async () => {
      abortSignal.throwIfAborted();
      if (isMountPoint(target)) {
        await limitLog(join(this.#files, owner, name, "log"));
        const state = await stateOf(target);
        if (state === "responds") return target;
        if (state === "silent" && isUsed()) throw new MountFailure(silentAndUsed);
      }
      // All nodes of a cluster ask at the same time: a volume that cannot be mounted keeps them waiting once.
      const failure = this.#failures.get(target);
      if (failure && failure.at >= asked) throw failure.error;
      try {
        await this.#mountAt({ target, files: join(this.#files, owner, name) }, commandFor, abortSignal);
        return target;
      } catch (error) {
        await this.#clear(target, 0, this.#closing.signal);
        if (!abortSignal.aborted) this.#failures.set(target, { error, at: performance.now() });
        throw error;
      }
    });
  }

  /**
   * Unmounts everything of an owner: first what is pending is written, within a limit. Returns what went wrong, in
   * sentences for people.
   */
  release(owner: string): Promise<string[]> {
    // Most jobs have mounted nothing, and it costs little to find out.
    if (!this.#work.has(owner) && !exists(join(this.#points, owner)) && !exists(join(this.#files, owner))) {
      return Promise.resolve([]);
    }
    return this.#inTurn(owner, () => this.#release(owner));
  }

  /**
   * Takes the mounts of an owner away from the processes that use them: one that waits for a mount cannot be killed.
   * Changes that are pending are lost. Returns whether anything was mounted.
   * @param onlySilent - Whether to keep the mounts that respond.
   */
  detach(owner: string, { onlySilent }: { readonly onlySilent: boolean }): Promise<boolean> {
    return this.#inTurn(owner, async () => {
      const targets = (await namesIn(join(this.#points, owner))).map((name) => join(this.#points, owner, name));
      const done = await Promise.all(
        targets.map(async (target) => {
          if (!isMountPoint(target) || (onlySilent && (await stateOf(target)) === "responds")) return false;
          signalAll(await mountProcesses(target), "SIGKILL");
          await detachBelow(target);
          return true;
        }),
      );
      return done.includes(true);
    });
  }

  /** Releases an owner, and logs what goes wrong. */
  releaseInBackground(owner: string): void {
    this.release(owner).catch((error: unknown) => {
      if (!this.#closing.signal.aborted)
        this.#logger.warn({ owner, error: String(error) }, "failed to unmount volumes");
    });
  }

  /** Releases all owners but these, for example those that an earlier process of the service left. */
  async releaseOthers(kept: readonly string[]): Promise<void> {
    // A mount command, or a job, could have mounted something over these folders: what is in it belongs to nobody here.
    for (const folder of [this.#points, this.#files]) await uncover(dirname(folder), folder);
    const owners = new Set([...(await namesIn(this.#points)), ...(await namesIn(this.#files))]);
    const others = [...owners].filter((owner) => !kept.includes(owner));
    await Promise.all(others.map((owner) => this.release(owner)));
  }

  /** Stops waiting for anything, and unmounts everything but the mounts of these owners. */
  async close(kept: readonly string[]): Promise<void> {
    this.#closing.abort();
    await withinTime(Promise.allSettled(this.#work.values()), closedAfterInMs);
    this.#closing = new AbortController();
    await withinTime(this.releaseOthers(kept), this.#flushInMs + closedAfterInMs);
    for (const folder of [this.#points, this.#files]) await rmdir(folder).catch(() => undefined);
  }

  async #mountAt(place: MountPlace, commandFor: CommandFor, abortSignal: AbortSignal): Promise<void> {
    const { target, files } = place;
    await this.#clear(target, this.#flushInMs, AbortSignal.any([abortSignal, this.#closing.signal]));
    await mkdir(target, { recursive: true, mode: 0o700 });
    await mkdir(files, { recursive: true, mode: 0o700 });
    const command = await commandFor(place);
    await carryOut(command, { target, log: join(files, "log") }, { limitInMs: this.#mountInMs, abortSignal });
    this.#logger.info({ target, program: command.program }, "volume mounted");
  }

  async #release(owner: string): Promise<string[]> {
    const points = join(this.#points, owner);
    const problems = await this.#clear(points, this.#flushInMs, this.#closing.signal);
    for (const name of await namesIn(points)) {
      this.#failures.delete(join(points, name));
      await rmdir(join(points, name)).catch((error: unknown) => {
        problems.push(`The mount point ${join(points, name)} cannot be removed: ${reasonOf(error)}.`);
      });
    }
    await rmdir(points).catch(() => undefined);
    const files = join(this.#files, owner);
    await uncover(dirname(this.#files), files);
    await removeTree(files);
    for (const problem of problems) this.#logger.warn({ owner, problem }, "volumes were not unmounted cleanly");
    return problems;
  }

  /**
   * Unmounts everything at a path or below it, and waits until the processes behind it have written what is pending and
   * ended. Kills them when the time is up. A process that is just about to mount something is caught, too.
   */
  async #clear(path: string, limitInMs: number, abortSignal: AbortSignal): Promise<string[]> {
    const deadline = performance.now() + limitInMs;
    let processes = await this.#unmounted(path);
    while (processes.length > 0 && performance.now() < deadline) {
      await delay(pollInMs, undefined, { signal: abortSignal });
      processes = await this.#unmounted(path);
    }
    const problems: string[] = [];
    if (processes.length > 0) {
      if (limitInMs > 0) {
        const seconds = String(Math.round(limitInMs / 1000));
        problems.push(`A volume did not finish within ${seconds} seconds of its end. Its last changes may be lost.`);
      }
      await this.#kill(path, processes);
    }
    for (const left of mountsBelow(path)) problems.push(`${left.target} is still mounted.`);
    return problems;
  }

  async #unmounted(path: string): Promise<number[]> {
    await unmountBelow(path);
    return mountProcesses(path);
  }

  async #kill(path: string, processes: readonly number[]): Promise<void> {
    signalAll(processes, "SIGTERM");
    const deadline = performance.now() + killedAfterInMs;
    while ((await mountProcesses(path)).length > 0 && performance.now() < deadline) await delay(pollInMs);
    const stubborn = await mountProcesses(path);
    signalAll(stubborn, "SIGKILL");
    while ((await mountProcesses(path)).length > 0 && performance.now() < deadline + killedAfterInMs) {
      await delay(pollInMs);
    }
    await unmountBelow(path);
  }

  /** Carries out work after all earlier work on the mounts of the same owner. */
  #inTurn<T>(owner: string, work: () => Promise<T>): Promise<T> {
    const before = this.#work.get(owner) ?? Promise.resolve();
    const result = before.then(() => {
      this.#closing.signal.throwIfAborted();
      return work();
    });
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#work.set(owner, settled);
    void settled.then(() => {
      if (this.#work.get(owner) === settled) this.#work.delete(owner);
    });
    return result;
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
