import { quoted } from "../../../ground/runProgram.ts";
import { hasEnded } from "./slurmStates.ts";

/** Start of the name of every job that a service submits. */
export const jobNamePrefix = "batchai-";

/** Format of a line of `squeue`. These letters have had the same meaning since Slurm 14. The name comes last. */
export const jobFormat = "%i|%T|%r|%S|%N|%V|%j";

/** A job as Slurm lists it. */
export interface SlurmJob {
  /** A hint for people and for `scontrol`. Slurm uses IDs again, so only the name identifies a job. */
  readonly id: string;
  readonly name: string;
  /** State in Slurm's words, for example `PENDING`; `fateOf` tells its meaning. */
  readonly state: string;
  /** Reason in Slurm's words, for example `Priority`; `reasonSentence` makes a sentence of it. */
  readonly reason: string;
  /** Actual or expected start. Absent if Slurm does not know it. */
  readonly startsOn?: Date;
  /** Nodes in Slurm's short form, for example `n[1-4]`. Empty if it has none. */
  readonly nodeList: string;
  /** Absent if Slurm does not tell it. */
  readonly submittedOn?: Date;
}

/** Result of one look at all jobs of the user. */
export interface SlurmListing {
  /** Jobs of services, those that have ended lately included. What is listed here is true although others may be missing. */
  readonly jobs: readonly SlurmJob[];
  /** Present if a part of the output cannot be read, as a part of a sentence: then a job that is not listed may exist. */
  readonly damage?: string;
}

/** Reads the output of `squeue -h -o` with {@link jobFormat}. */
export function readListing(text: string): SlurmListing {
  const lines = text.split("\n");
  const rest = lines.pop() ?? "";
  const unreadable = [...lines, rest].find((line, index) =>
    index === lines.length ? line !== "" : line.trim() !== "" && !jobLine.test(line),
  );
  const jobs = lines.filter((line) => line.includes(`|${jobNamePrefix}`)).flatMap(readLine);
  return unreadable === undefined ? { jobs } : { jobs, damage: quoted(unreadable) };
}

/** Returns the job that tells about a name of which there may be several: one that has not ended, or else the last one. */
export function tellingJob(one: SlurmJob | undefined, other: SlurmJob): SlurmJob {
  if (one === undefined) return other;
  if (hasEnded(one.state) !== hasEnded(other.state)) return hasEnded(one.state) ? other : one;
  return (other.submittedOn?.getTime() ?? 0) >= (one.submittedOn?.getTime() ?? 0) ? other : one;
}

const jobLine = /^(\d[^|]*)\|([A-Z][\w+*-]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)$/;

function readLine(line: string): SlurmJob[] {
  const [, id = "", state = "", reason = "", start = "", nodeList = "", submission = "", name = ""] =
    jobLine.exec(line) ?? [];
  if (!name.startsWith(jobNamePrefix)) return [];
  const [startsOn, submittedOn] = [readTime(start), readTime(submission)];
  return [{ id, name, state, reason, nodeList, ...(startsOn && { startsOn }), ...(submittedOn && { submittedOn }) }];
}

/** Slurm writes local times. */
function readTime(text: string): Date | undefined {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
