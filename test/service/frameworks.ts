import { spawnSync } from "node:child_process";
import type { TestContext } from "vitest";

/** Whether tests with real frameworks must run: then a missing framework fails the test. */
const mandatory = process.env.BATCHAI_TEST_FRAMEWORKS === "1";

/**
 * Returns a Python interpreter of this machine that has a module. Skips the test if there is none.
 * @param from - Where the module comes from, for the reason of the skip.
 */
export function pythonWith(module: string, from: string, { skip }: TestContext): string {
  const found = ["python3", "/usr/bin/python3"].find((python) => runs(python, ["-c", `import ${module}`]));
  if (found === undefined) missing(`no python3 here has ${module}: install ${from}`, skip);
  return found;
}

/** Skips the test if a program is missing. */
export function needsProgram(program: string, from: string, { skip }: TestContext): void {
  if (!runs(program, ["--version"])) missing(`${program} is missing: install ${from}`, skip);
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

function missing(reason: string, skip: TestContext["skip"]): never {
  if (mandatory) throw new Error(reason);
  skip(reason);
}
