import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sizeText } from "../../../../ground/sizeText.ts";
import type { Logger } from "../../../logger.ts";
import type { LaunchLimits, RunEnd } from "../../engine.ts";
import { findBash } from "../bash.ts";
import { vanished } from "../../supervisor/runEnds.ts";
import { countKills, removeGroup, sweepGroups, wordsOf } from "./controlGroups.ts";
import { CoreMasks } from "./coreMasks.ts";
import { groupNameOf, type LimitedStart, type LimitMachine } from "./groupWay.ts";
import { limitedStarts } from "./limitedStarts.ts";
import { describeWays, findLimitWays, type LimitWays, thisMachine } from "./limitWays.ts";

/** Options of {@link RunLimits}. */
export interface RunLimitsOptions {
  /** Folder that contains the folder of each run that exists. */
  readonly runsFolder: string;
  readonly logger: Logger;
  /** Aborted when the engine is closed. */
  readonly closing: AbortSignal;
  /** Parts of the machine that a test replaces. */
  readonly machine?: Partial<LimitMachine>;
}

/** Number of attempts to remove the group of a run, and the time between them in milliseconds. */
const removals = 50;
const removalIntervalInMs = 100;

/** The limits of all runs of an engine. */
export class RunLimits {
  readonly #options: RunLimitsOptions;
  #ways: Promise<LimitWays> | undefined;
  #masks = new CoreMasks([]);

  constructor(options: RunLimitsOptions) {
    this.#options = options;
  }

  /** Finds out how this machine limits runs, and removes what is left of earlier ones. Never rejects. */
  ways(): Promise<LimitWays> {
    this.#ways ??= this.#find();
    return this.#ways;
  }

  /** Returns the starts to try for a run; undefined if it has no limits. */
  async startsOf(runId: string, limits: LaunchLimits = {}, bash: string): Promise<LimitedStart[] | undefined> {
    if (limits.cores === undefined && limits.memoryInBytes === undefined) return undefined;
    return limitedStarts({ runId, limits, bash }, await this.ways(), this.#masks);
  }

  /** Returns the end of a run whose supervisor vanished: the system may have killed it for lack of memory. */
  async endOfVanished(runId: string): Promise<RunEnd> {
    const { group } = await this.ways();
    const files = group?.memoryFiles?.(runId);
    if (files === undefined || countKills(files.counter) === 0) return vanished;
    const size = sizeText(Number(wordsOf(files.limit)[0]));
    const message = `The system killed the processes of the run, because it had reached its memory limit of ${size}.`;
    return { kind: "failed", code: "OutOfMemory", message };
  }

  /**
   * Removes the groups of a run that has ended. Processes that the system has not removed yet keep a group for a moment.
   * A group that outlives all attempts is removed at the next start of the service. Never rejects.
   */
  async release(runId: string): Promise<void> {
    this.#masks.release(runId);
    const { closing, logger } = this.#options;
    const { group } = await this.ways();
    const folders = group?.parents.map((parent) => join(parent, groupNameOf(runId))) ?? [];
    for (let attempt = 1; ; attempt += 1) {
      const left = folders.filter((folder) => !removeGroup(folder));
      if (left.length === 0 || closing.aborted) return;
      if (attempt === removals) {
        logger.warn({ runId, groups: left }, "failed to remove the control groups of a run");
        return;
      }
      await delay(removalIntervalInMs, undefined, { signal: closing }).catch(() => undefined);
    }
  }

  async #find(): Promise<LimitWays> {
    const { runsFolder, logger, machine } = this.#options;
    const ways = await findLimitWays({ ...thisMachine((await findBash()) ?? "bash"), ...machine });
    this.#masks = new CoreMasks(ways.cores);
    const known = new Set(namesIn(runsFolder).map(groupNameOf));
    for (const parent of ways.group?.parents ?? []) sweepGroups(parent, (group) => known.has(group));
    logger.debug(describeWays(ways), "found how this machine limits the memory and cores of jobs");
    return ways;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // No run has existed yet.
  }
}
