import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { reasonOf } from "../../../ground/systemErrors.ts";
import { withinTime } from "../../../ground/withinTime.ts";
import { abortable } from "../../abortable.ts";
import type { Logger } from "../../logger.ts";
import { StartError } from "../../startError.ts";
import type { LaunchAllocation } from "../engine.ts";
import { checkNode, type NodeCheckResult, type NodeFindings } from "./nodeCheck.ts";
import type { SlurmCommands } from "./slurmCommands.ts";
import { jobNamePrefix } from "./slurmJob.ts";
import type { SlurmQueue } from "./slurmQueue.ts";

/** Texts that outlive the process. */
export interface StoredTexts {
  get(name: string): string | undefined;
  set(name: string, value: string): void;
}

/** Options of {@link NodeChecks}. */
export interface NodeChecksOptions {
  /** Folder that all nodes see at the same path. */
  readonly folder: string;
  readonly serviceId: string;
  readonly commands: Pick<SlurmCommands, "submit" | "cancel">;
  readonly queue: SlurmQueue;
  readonly stored: StoredTexts;
  readonly closing: AbortSignal;
  readonly logger: Logger;
  /** See `NodeCheckOptions.visibilityInMs`. */
  readonly visibilityInMs?: number | undefined;
}

/** What is remembered of the nodes of a type. */
interface Memory {
  /** Name of a job that may still be in Slurm's queue. */
  readonly jobName?: string;
  /** Time of the last check that succeeded. */
  readonly checkedOn?: string;
  readonly findings?: NodeFindings;
}

/** Time for which a check that succeeded counts, in milliseconds. */
const validityInMs = 24 * 60 * 60 * 1000;
const closePeriodInMs = 3000;
const bytesOfCheck = 128 * 1024 * 1024;
const advice =
  "Jobs on such nodes cannot run. Choose a shared folder that all nodes see at the same path, and may write to.";

/**
 * Checks with one short job for each kind of nodes that they and the service see each other's files, and remembers what
 * the nodes have told about themselves.
 */
export class NodeChecks {
  readonly #options: NodeChecksOptions;
  readonly #running = new Map<string, Promise<NodeFindings | undefined>>();

  /** Names of the jobs that are in Slurm. */
  readonly #jobs = new Set<string>();

  constructor(options: NodeChecksOptions) {
    this.#options = options;
  }

  /** Checks the nodes for these allocations, but not those that a check has found to be right within a day. Never rejects. */
  async checkAll(allocations: readonly LaunchAllocation[]): Promise<void> {
    const due = allocations.filter((allocation) => !this.#isFresh(allocation));
    await Promise.all(due.map((allocation) => this.#checked(allocation)));
  }

  /** Returns what nodes have told about themselves; undefined if no check has succeeded yet. */
  known(allocation: LaunchAllocation): NodeFindings | undefined {
    return this.#memory(keyOf(allocation, this.#options.folder)).findings;
  }

  /** Like {@link known}, but waits for a check if there has been none. */
  async find(allocation: LaunchAllocation, abortSignal?: AbortSignal): Promise<NodeFindings | undefined> {
    const known = this.known(allocation);
    if (known !== undefined) return known;
    const checked = this.#checked(allocation);
    return abortSignal === undefined ? checked : abortable(checked, abortSignal);
  }

  /** Removes the jobs of checks that still wait. Never rejects, and waits for a moment only. */
  async close(): Promise<void> {
    const { commands } = this.#options;
    const cancelling = [...this.#jobs].map((name) => commands.cancel(name).catch(() => undefined));
    await withinTime(Promise.all(cancelling), closePeriodInMs);
  }

  #isFresh(allocation: LaunchAllocation): boolean {
    const { checkedOn } = this.#memory(keyOf(allocation, this.#options.folder));
    if (checkedOn === undefined) return false;
    const age = Date.now() - Date.parse(checkedOn);
    return age >= 0 && age < validityInMs;
  }

  /** Checks nodes of a kind; callers at the same time share a check. */
  #checked(allocation: LaunchAllocation): Promise<NodeFindings | undefined> {
    const key = keyOf(allocation, this.#options.folder);
    const running = this.#running.get(key);
    if (running) return running;
    const check = this.#check(key, allocation).finally(() => this.#running.delete(key));
    this.#running.set(key, check);
    return check;
  }

  async #check(key: string, allocation: LaunchAllocation): Promise<NodeFindings | undefined> {
    const { closing, commands, folder, logger, serviceId } = this.#options;
    const nonce = randomBytes(6).toString("hex");
    const name = `${jobNamePrefix}${serviceId}-check-${nonce}`;
    try {
      const { jobName, ...memory } = this.#memory(key);
      if (jobName !== undefined) await commands.cancel(jobName);
      this.#remember(key, { ...memory, jobName: name });
      this.#jobs.add(name);
      const result = await checkNode({
        ...this.#options,
        name,
        allocation: allocationOfCheck(allocation),
        folder: join(folder, `check-${nonce}`),
        abortSignal: closing,
      });
      const findings = result.kind === "seen" ? result.findings : undefined;
      this.#remember(key, findings ? { findings, checkedOn: new Date().toISOString() } : {});
      this.#report(result, allocation);
      return findings;
    } catch (error) {
      if (closing.aborted) return undefined;
      if (error instanceof StartError && error.code !== "Shortage") this.#remember(key, {});
      const reason = error instanceof StartError ? error.reason : reasonOf(error);
      logger.warn({ ...shown(allocation), reason }, "cannot check that nodes of Slurm see the shared folder");
      return undefined;
    } finally {
      this.#jobs.delete(name);
    }
  }

  #report(result: NodeCheckResult, allocation: LaunchAllocation): void {
    const { folder, logger } = this.#options;
    const details = { ...shown(allocation), folder };
    switch (result.kind) {
      case "seen": {
        const { host, containerTools } = result.findings;
        logger.info({ ...details, host, containerTools }, "nodes of Slurm and the service see each other's files");
        return;
      }
      case "unseenThere":
        logger.warn(
          { ...details, host: result.host },
          `a node of Slurm does not see what the service writes into the shared folder, or cannot write to it. ${advice}`,
        );
        return;
      case "unseenHere":
        logger.warn(
          { ...details, host: result.host },
          `the service does not see what a node of Slurm writes into the shared folder. ${advice}`,
        );
        return;
      case "lost":
        logger.warn(
          { ...details, state: result.state },
          "cannot check that nodes of Slurm see the shared folder: the job of the check did not end by itself",
        );
    }
  }

  #memory(key: string): Memory {
    const text = this.#options.stored.get(settingOf(key));
    return text === undefined ? {} : (JSON.parse(text) as Memory);
  }

  #remember(key: string, memory: Memory): void {
    this.#options.stored.set(settingOf(key), JSON.stringify(memory));
  }
}

function settingOf(key: string): string {
  return `slurmNodes.${key}`;
}

/** Returns what tells kinds of nodes apart, as a short text. */
function keyOf(allocation: LaunchAllocation, folder: string): string {
  const text = JSON.stringify([folder, ...Object.values(placeOf(allocation))]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** Returns the parts of an allocation that decide on which nodes it may be. */
function placeOf({ partition, account, qos, constraint, extraOptions = [] }: LaunchAllocation) {
  const reservation = extraOptions.filter((option) => option.startsWith("--reservation"));
  return { partition, account, qos, constraint, reservation };
}

function shown(allocation: LaunchAllocation): Record<string, unknown> {
  const place = Object.entries(placeOf(allocation));
  return Object.fromEntries(place.filter(([, value]) => value !== undefined && value.length > 0));
}

/** Returns the smallest allocation on such nodes. */
function allocationOfCheck(allocation: LaunchAllocation): LaunchAllocation {
  const { reservation, partition, account, qos, constraint } = placeOf(allocation);
  return {
    ...(partition !== undefined && { partition }),
    ...(account !== undefined && { account }),
    ...(qos !== undefined && { qos }),
    ...(constraint !== undefined && { constraint }),
    extraOptions: reservation,
    gpusPerNode: 0,
    coresPerNode: 1,
    memoryPerNodeInBytes: bytesOfCheck,
    timeLimitInSeconds: 60,
  };
}
