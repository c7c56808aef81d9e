// Measures the cost of the SDK: `npm run bench`. With `--check`, fails if a goal is missed; see README.md.
import { rm } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "tsup";
import type * as Sdk from "../src/index.ts";
import { sdk as sdkBuild } from "../tsup.config.ts";
import { measureGet } from "./get.ts";
import { measureImport } from "./importTime.ts";

const root = join(import.meta.dirname, "..");
const built = join(root, "temp/bench");
await rm(built, { recursive: true, force: true });
await build({ ...sdkBuild, config: false, silent: true, outDir: built });
const sdk = (await import(pathToFileURL(join(built, "index.js")).href)) as typeof Sdk;

const get = await measureGet(sdk);
const imported = await measureImport(built);

const ms = (time: number): string => `${time.toFixed(time < 10 ? 3 : 1)} ms`;
const times = (ratio: number): string => `${ratio.toFixed(2)} x`;
const [cpu] = cpus();
console.log(`Node.js ${process.versions.node}, ${cpus().length} x ${cpu?.model ?? "unknown"}\n`);
console.table({
  "get, core-rest-pipeline": { "median time": ms(get.times.bare) },
  "get, batchai": { "median time": ms(get.times.sdk) },
  "get, @azure/arm-batchai 2.2.1": { "median time": ms(get.times.official) },
  "import of the dependencies": { "median time": ms(imported.dependencies) },
  "import of batchai": { "median time": ms(imported.sdk) },
});

const gates = [
  {
    what: "get, compared to core-rest-pipeline",
    is: times(get.sdkToBare),
    goal: "at most 1.05 x",
    met: get.sdkToBare <= 1.05,
  },
  {
    what: "get, speedup over @azure/arm-batchai 2.2.1",
    is: times(get.officialToSdk),
    goal: "at least 1.6 x",
    met: get.officialToSdk >= 1.6,
  },
  {
    what: "import, in addition to the dependencies",
    is: ms(imported.difference),
    goal: "at most 10 ms",
    met: imported.difference <= 10,
  },
];
console.table(
  Object.fromEntries(gates.map(({ what, is, goal, met }) => [what, { is, goal, met: met ? "yes" : "NO" }])),
);

if (process.argv.includes("--check") && gates.some(({ met }) => !met)) process.exitCode = 1;
