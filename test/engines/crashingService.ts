/*
 * A service that starts runs and is then killed. Arguments: module that exports `openEngine`, folder of the runs,
 * file with the plans.
 * Says `started` when all runs are under way.
 */
import { readFileSync } from "node:fs";
import type { LaunchPlan } from "../../src/service/engines/engine.ts";
import { engineOf } from "./engineUnderTest.ts";

const [factory = "", runsFolder = "", planFile = ""] = process.argv.slice(2);
const { makeEngine } = await engineOf(new URL(factory));
const plans = JSON.parse(readFileSync(planFile, "utf8")) as LaunchPlan[];
const engine = makeEngine(runsFolder);
await Promise.all(
  plans.map(async (plan) => {
    await engine.reserve(plan);
    await engine.start(plan, { environment: {} }, engine.handleFor(plan));
  }),
);
console.log("started");
setInterval(() => undefined, 1000);
