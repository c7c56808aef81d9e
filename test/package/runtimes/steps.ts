// What the SDK must be able to do in every runtime. Uses nothing of Node.js.
import { abortSteps } from "./abortSteps.ts";
import { errorSteps } from "./errorSteps.ts";
import { operationSteps } from "./operationSteps.ts";
import { outputSteps } from "./outputSteps.ts";
import { Stage } from "./stage.ts";
import type { Sdk, Settings } from "./stage.ts";

/** One thing that the SDK must be able to do. Rejects if it cannot. */
export type Step = (stage: Stage) => Promise<void>;

/** Names of the steps with `ok`, or with the error of the step. */
export type Report = Record<string, string>;

const steps: Record<string, Step> = { ...operationSteps, ...outputSteps, ...errorSteps, ...abortSteps };
const deadlineInMs = 60_000;

/** The report of a runtime in which everything works. */
export const faultless: Report = Object.fromEntries(Object.keys(steps).map((name) => [name, "ok"]));

/** Runs the steps, one after the other. The first ones create what the others use. */
export async function runSteps(sdk: Sdk, settings: Settings): Promise<Report> {
  const stage = new Stage(sdk, settings);
  const report: Report = {};
  for (const [name, step] of Object.entries(steps)) report[name] = await outcomeOf(step, stage);
  return report;
}

async function outcomeOf(step: Step, stage: Stage): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`still running after ${deadlineInMs} ms`), deadlineInMs);
  });
  try {
    return await Promise.race([step(stage).then(() => "ok"), deadline]);
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error);
  } finally {
    clearTimeout(timer);
  }
}
