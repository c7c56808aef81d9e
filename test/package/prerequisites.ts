import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { programs } from "../../scripts/runtimes.ts";

const run = promisify(execFile);

/** Ends a test here when the machine lacks something that it needs, and says what. In CI that is a failure. */
export function needs(context: TestContext, what: string, isThere: boolean): void {
  if (isThere) return;
  if (process.env.CI) throw new Error(`CI has to have ${what}.`);
  context.skip(`this machine has no ${what}`);
}

/** Returns the path of a program that `npm run runtimes` installs. Ends the test here if it did not. */
export function needsRuntime(context: TestContext, name: keyof typeof programs): string {
  needs(context, `${name} in temp/runtimes (run \`npm run runtimes\`)`, existsSync(programs[name]));
  return programs[name];
}

/** Whether packages can be had from the npm registry. CI does not ask: there npm tries again, and says what is wrong. */
export async function npmRegistryAnswers(): Promise<boolean> {
  if (process.env.CI) return true;
  try {
    await run("npm", ["view", "@azure/logger", "version", "--fetch-retries=0", "--fetch-timeout=10000"]);
    return true;
  } catch {
    return false;
  }
}
