import type { Job } from "../../models/job.ts";
import { jobConstraints } from "../../wire/tables/job.ts";
import { applyDefaults } from "../../wire/defaults.ts";
import { durationInMs } from "../duration.ts";
import type { LaunchAllocation } from "../engines/engine.ts";
import type { Engines } from "../engines/engines.ts";
import type { NodeType } from "../nodes/nodeTypes.ts";
import { StartError } from "../startError.ts";

/** Time that a job has beyond its own limit before Slurm ends it: the service stops it first, and says why. */
const extraTimeInSeconds = 120;

/** The limit that the API fills in. Slurm does not learn it: a job with a limit above that of a partition waits for ever. */
const { maxWallClockTime: defaultLimit } = applyDefaults(jobConstraints, {});

const priorities: ReadonlyMap<string, number> = new Map([
  ["low", -1000],
  ["high", 1000],
]);

/** Returns what a job asks of Slurm; undefined if the nodes of this type are on the machine of the service. */
export function allocationOf(
  { slurm, gpus, cores, memoryInBytes }: NodeType,
  { schedulingPriority = "normal", constraints }: Pick<Job, "schedulingPriority" | "constraints">,
): LaunchAllocation | undefined {
  if (slurm === undefined) return undefined;
  const { maxWallClockTimeInSeconds, ...ofType } = slurm;
  const priority = priorities.get(schedulingPriority.toLowerCase());
  const timeLimitInSeconds = shortest(limitOf(constraints?.maxWallClockTime), maxWallClockTimeInSeconds);
  return {
    ...ofType,
    gpusPerNode: gpus,
    ...(cores !== undefined && { coresPerNode: cores }),
    ...(memoryInBytes !== undefined && { memoryPerNodeInBytes: memoryInBytes }),
    ...(priority !== undefined && { priority }),
    ...(timeLimitInSeconds !== undefined && { timeLimitInSeconds }),
  };
}

/** Returns why jobs cannot run on nodes of a type, if it is in Slurm; undefined if they can. */
export async function problemOfType(engines: Pick<Engines, "choose">, type: NodeType): Promise<string | undefined> {
  const allocation = allocationOf(type, {});
  if (allocation === undefined) return undefined;
  try {
    await engines.choose({ allocation });
    return undefined;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return `nodes of this size are in Slurm, which this service cannot use. ${error.reason}`;
  }
}

function limitOf(maxWallClockTime: string | undefined): number | undefined {
  if (maxWallClockTime === undefined || maxWallClockTime === defaultLimit) return undefined;
  return Math.ceil(durationInMs(maxWallClockTime) / 1000) + extraTimeInSeconds;
}

function shortest(...limits: readonly (number | undefined)[]): number | undefined {
  const known = limits.filter((limit) => limit !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
