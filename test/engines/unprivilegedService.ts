/*
 * A service that runs one plan and prints, as JSON, what it found to limit runs, and the end of the run. Arguments: folder
 * of the runs, file with the plan.
 */
import { readFileSync } from "node:fs";
import type { LaunchPlan } from "../../src/service/engines/engine.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { silentLogger } from "../../src/service/logger.ts";

const [runsFolder = "", planFile = ""] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile, "utf8")) as LaunchPlan;
let found: unknown;
const logger = { ...silentLogger, debug: (details: unknown) => (found = details) };
const engine = new ProcessEngine({ runsFolder, logger });
await engine.probe();
await engine.reserve(plan);
const handle = engine.handleFor(plan);
await engine.start(plan, { environment: {} }, handle);
const end = await engine.wait(handle);
await engine.cleanUp(handle);
await engine.close();
console.log(JSON.stringify({ found, end }));
