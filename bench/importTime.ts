import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { median } from "./median.ts";

const run = promisify(execFile);
const rounds = 21;

/**
 * Median time of an import in a new process, in milliseconds of processor time. On a busy machine, elapsed time would
 * include other processes; on an idle machine, it is hardly more than processor time.
 */
export interface ImportResult {
  /** Entry of the published SDK. */
  readonly sdk: number;
  /** Dependencies of the SDK, without the SDK. */
  readonly dependencies: number;
  /** Additional time of the SDK, compared round by round. */
  readonly difference: number;
}

/** Imports the SDK and its dependencies in new processes, which take turns. */
export async function measureImport(build: string): Promise<ImportResult> {
  const entry = join(build, "index.js");
  const dependencies = join(build, "dependencies.js");
  const names = [...(await readFile(entry, "utf8")).matchAll(/\bfrom "([^"]+)"/g)].map(([, name = ""]) => name);
  await writeFile(dependencies, [...new Set(names)].map((name) => `import "${name}";\n`).join(""));
  // The first round fills the caches of the disk.
  await timeOfImport(entry);
  await timeOfImport(dependencies);
  const times: { sdk: number; dependencies: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push({ dependencies: await timeOfImport(dependencies), sdk: await timeOfImport(entry) });
  }
  return {
    sdk: median(times.map(({ sdk }) => sdk)),
    dependencies: median(times.map((each) => each.dependencies)),
    difference: median(times.map((each) => each.sdk - each.dependencies)),
  };
}

async function timeOfImport(file: string): Promise<number> {
  const script = `
    const start = process.cpuUsage();
    await import(${JSON.stringify(pathToFileURL(file).href)});
    const { user, system } = process.cpuUsage(start);
    console.log((user + system) / 1000);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script]);
  return Number(stdout);
}
