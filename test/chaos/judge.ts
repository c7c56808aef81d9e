import { limitInSeconds } from "./jobKinds.ts";
import type { JobRecord } from "./ledger.ts";
import type { JobLine } from "./lines.ts";

/** A job as the service shows it. */
export interface ShownJob {
  readonly name: string;
  readonly properties: {
    readonly executionState: string;
    readonly executionInfo?: {
      readonly exitCode?: number;
      readonly errors?: readonly { code: string; message: string }[];
    };
    readonly [property: string]: unknown;
  };
}

/** How often a job may have run again. */
export interface Again {
  /** How often its cluster was scaled down or deleted: it may have been requeued as often. */
  readonly shrinks: number;
  /** How often Slurm has interrupted it. */
  readonly interruptions: number;
}

/**
 * Returns what is wrong with the end of a job.
 * @param again - How often it may have run again.
 */
export function judge(
  record: JobRecord,
  job: ShownJob,
  lines: readonly JobLine[],
  { shrinks, interruptions }: Again,
): string[] {
  const problems = bodyProblems(record, job);
  const { executionState, executionInfo = {} } = job.properties;
  const [error] = executionInfo.errors ?? [];
  const end = executionState === "succeeded" ? "own" : endOf(error?.code);
  if (!endsOf(record, { shrinks, interruptions }).includes(end))
    problems.push(`ended as ${end} (exit code ${executionInfo.exitCode}, ${error?.code}: ${error?.message})`);
  if (end === "own") problems.push(...ownEndProblems(record, job, lines));
  else if (!mayBeCut(record, { shrinks, interruptions }) && lines.some(({ what }) => what === "end"))
    problems.push(`it ran to its end, but ended as ${end}`);
  const count = (what: JobLine["what"]): number => lines.filter((line) => line.what === what).length;
  const mostRuns = 1 + shrinks + interruptions;
  if (count("start") > mostRuns) problems.push(`started ${count("start")} times`);
  if (count("end") > mostRuns) problems.push(`ran to its end ${count("end")} times`);
  const runs = new Set(lines.filter(({ what }) => what === "start").map(({ run }) => run));
  if (runs.size < count("start")) problems.push("one run has started twice");
  if (end === "JobMaxWallClockTimeExceeded") problems.push(...limitProblems(lines));
  return problems;
}

/** Whether somebody may have ended it just after it had appended its last line. */
function mayBeCut(record: JobRecord, { shrinks, interruptions }: Again): boolean {
  const { terminated, deleted, supervisorKilled, cancelled, kind } = record;
  const isAsked = terminated !== "no" || deleted !== "no" || cancelled === true;
  return isAsked || supervisorKilled || kind.expects !== "own exit code" || shrinks + interruptions > 0;
}

/** Ends by a command of its own. */
function endOf(code: string | undefined): string {
  return code === "JobFailed" ? "own" : (code ?? "failed without an error");
}

/** Returns the ends that are right after what clients and disturbances did. */
function endsOf(record: JobRecord, { shrinks, interruptions }: Again): string[] {
  const { kind, terminated, supervisorKilled, deleted } = record;
  const ends = {
    "own exit code": "own",
    "timed out": "JobMaxWallClockTimeExceeded",
    lost: "RunLost",
    "any end": "own",
  };
  const right = [ends[kind.expects]];
  if (supervisorKilled || kind.expects === "any end") right.push("RunLost", "RunNotStarted");
  if (record.mayBeLost === true || interruptions > 1) right.push("RunLost");
  if (record.cancelled === true) right.push("SlurmJobCancelled");
  if (terminated !== "no") right.push("JobTerminated");
  if (shrinks > 0) right.push("JobNodeRemoved", "ClusterDeleted");
  if (shrinks > 0 && kind.blocksNextAttempt) right.push("FailedStartingProcess");
  if (deleted !== "no") right.push("JobTerminated", "ClusterDeleted");
  return right;
}

function ownEndProblems({ exitCode, kind }: JobRecord, job: ShownJob, lines: readonly JobLine[]): string[] {
  if (kind.expects === "any end") return [];
  const shown = job.properties.executionInfo?.exitCode;
  const problems: string[] = [];
  if (shown !== exitCode) problems.push(`its exit code is ${shown} instead of ${exitCode}`);
  if ((job.properties.executionState === "succeeded") !== (exitCode === 0)) problems.push("its state is wrong");
  if (!lines.some(({ what }) => what === "end")) problems.push("it never ran to its end");
  return problems;
}

function limitProblems(lines: readonly JobLine[]): string[] {
  const start = lines.findLast(({ what }) => what === "start");
  const cut = lines.findLast(({ what }) => what === "cut");
  if (!start || !cut) return [];
  const seconds = cut.uptime - start.uptime;
  return seconds < limitInSeconds - 1
    ? [`its time was up after ${seconds.toFixed(1)} s instead of ${limitInSeconds} s`]
    : [];
}

/** Compares what was accepted: each property of the request, as far as the service shows it. */
function bodyProblems({ body }: JobRecord, { properties }: ShownJob): string[] {
  return ["customToolkitSettings", "nodeCount", "environmentVariables", "jobPreparation", "outputDirectories"]
    .filter((property) => body.properties[property] !== undefined)
    .filter((property) => !contains(properties[property], body.properties[property]))
    .map((property) => `its ${property} differs from the request`);
}

function contains(shown: unknown, sent: unknown): boolean {
  if (typeof sent !== "object" || sent === null) return shown === sent;
  if (typeof shown !== "object" || shown === null) return false;
  const members = shown as Record<string, unknown>;
  return Object.entries(sent).every(([name, value]) => contains(members[name], value));
}
