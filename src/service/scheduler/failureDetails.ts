import { relative, resolve } from "node:path";
import { isWithin } from "../../ground/containment.ts";
import { reasonOf } from "../../ground/systemErrors.ts";
import { withinTime } from "../../ground/withinTime.ts";
import type { NameValuePair } from "../../models/error.ts";
import type { FailedProcess, RunEnd } from "../engines/engine.ts";
import { lastLines } from "../lastLines.ts";
import { stdOutErrDirectoryId } from "../launch/jobEnvironment.ts";
import type { Run } from "../state/runs.ts";
import { soleProcess } from "../toolkits/toolkit.ts";
import type { SchedulerContext } from "./context.ts";
import { exitHint } from "./exitHint.ts";
import { hostOf, isSetupFailure } from "./hostErrors.ts";

/** Time after which a file is left alone that cannot be read, in milliseconds. */
const readTimeoutInMs = 2000;

/**
 * Returns the details of the error of a job whose command failed: which process, where, and the last lines of its standard
 * error. Reads files, so it runs outside of transactions.
 */
export async function failureDetails(context: SchedulerContext, runId: string, end: RunEnd): Promise<NameValuePair[]> {
  if (end.kind !== "exited" || end.exitCode === 0) return [];
  const run = context.store.runs.find(runId);
  if (run?.kind !== "job") return [];
  const { process, phase, exitCode, outOfMemory } = end;
  const isSetup = isSetupFailure(end);
  const isOneOfSeveral = phase === "processes" && process !== undefined && process.name !== soleProcess;
  // The output of a setup task is not in a directory of the job.
  const stdErr = isSetup ? process?.stderr : process && fileOf(run, process);
  const owner = isSetup ? clusterOf(context, run) : run.owner;
  const facts: [name: string, value: string | undefined][] = [
    ["Process", isOneOfSeveral ? process.name : undefined],
    ["NodeId", run.nodes.length > 1 ? process?.nodeId : undefined],
    ["Host", isSetup ? hostOf(run, end) : undefined],
    ["StdErr", stdErr],
    ["LastLines", process && stdErr !== undefined ? await linesOf(context, run.id, owner, process) : undefined],
    // Out of memory, the message of the error already says why the processes ended.
    ["Hint", outOfMemory ? undefined : exitHint(exitCode)],
  ];
  return facts.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [{ name, value }]));
}

/** Returns the path of standard error in the output directory of the job. A job could have changed the engine's files. */
function fileOf({ outputs }: Run, { stderr }: FailedProcess): string | undefined {
  const folder = outputs[stdOutErrDirectoryId]?.path;
  return folder !== undefined && isWithin(folder, resolve(stderr)) ? relative(folder, stderr) : undefined;
}

/** Returns the key of the cluster of a job, whose secrets its setup task has. */
function clusterOf({ store }: SchedulerContext, { owner }: Run): string {
  return (store.resources.find("jobs", owner)?.model.cluster?.id ?? "").toLowerCase();
}

/** The end of a job does not depend on a file that cannot be read. */
async function linesOf(
  { store, logger }: SchedulerContext,
  id: string,
  owner: string,
  { stderr }: FailedProcess,
): Promise<string | undefined> {
  try {
    return await withinTime(lastLines(stderr, Object.values(store.vault.get(owner))), readTimeoutInMs);
  } catch (error) {
    logger.warn({ run: id, reason: reasonOf(error) }, "failed to read the standard error of a job");
    return undefined;
  }
}
