// What the SDK must be able to do in every runtime. Uses nothing of Node.js.
import { abortSteps } from "./abortSteps.ts";
import { errorSteps } from "./errorSteps.ts";
import { operationSteps } from "./operationSteps.ts";
import { outputSteps } from "./outputSteps.ts";
import { same, Stage } from "./stage.ts";
import type { Sdk, Settings } from "./stage.ts";

/** One thing that the SDK must be able to do. Rejects if it cannot. */
export type Step = (stage: Stage) => Promise<void>;

/** Names of the steps with `ok`, or with the error of the step. */
export type Report = Record<string, string>;

const steps: Record<string, Step> = { ...operationSteps, ...outputSteps, ...errorSteps, ...abortSteps };
const lastStep = "leaves no rejection unhandled";
const deadlineInMs = 60_000;

/** The report of a runtime in which everything works. */
export const faultless: Report = Object.fromEntries([...Object.keys(steps), lastStep].map((name) => [name, "ok"]));

/** Runs the steps, one after the other. The first ones create what the others use. */
export async function runSteps(sdk: Sdk, settings: Settings): Promise<Report> {
  const stage = new Stage(sdk, settings);
  const unhandled = unhandledRejections();
  const report: Report = {};
  for (const [name, step] of Object.entries(steps)) report[name] = await outcomeOf(() => step(stage));
  report[lastStep] = await outcomeOf(async () => same(await unhandled(), []));
  return report;
}

/**
 * Collects rejections that nothing handles. Node.js and Bun have no event for them: there, such a rejection ends the
 * program.
 */
function unhandledRejections(): () => Promise<string[]> {
  const reasons = new Map<Promise<unknown>, string>();
  if ("addEventListener" in globalThis) {
    globalThis.addEventListener("unhandledrejection", ({ promise, reason }) => reasons.set(promise, String(reason)));
    // Some runtimes send the first event too early, for a rejection that is handled in the same turn.
    globalThis.addEventListener("rejectionhandled", ({ promise }) => reasons.delete(promise));
  }
  return async () => {
    // The events come after all jobs of the current turn.
    await new Promise((resolve) => setTimeout(resolve));
    return [...reasons.values()];
  };
}

async function outcomeOf(step: () => Promise<void>): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`still running after ${deadlineInMs} ms`), deadlineInMs);
  });
  try {
    return await Promise.race([step().then(() => "ok"), deadline]);
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error);
  } finally {
    clearTimeout(timer);
  }
}
