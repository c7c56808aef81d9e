import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "vitest";

/** Whether tests run, and fail, although the machine lacks what they need: CI installs everything. */
const mustRun = process.env.BATCHAI_TEST_FRAMEWORKS === "1";

/** Returns the programs that are not in PATH; none if tests must run. */
export function missingPrograms(names: readonly string[]): string[] {
  return mustRun ? [] : missingFromPath(names);
}

/** Returns the programs that are not in PATH. */
export function missingFromPath(names: readonly string[]): string[] {
  return names.filter((name) => !isInPath(name));
}

function isInPath(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => isExecutable(join(folder, name)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the modules that Python cannot import; none if tests must run.
 * @param python - Default: the program that a job finds if it names none.
 */
export function missingModules(names: readonly string[], python = pythonOfJobs()): string[] {
  if (mustRun) return [];
  const cannotImport = (name: string): boolean =>
    spawnSync(python, ["-c", `import ${name}`], { stdio: "ignore" }).status !== 0;
  return names.filter(cannotImport).map((name) => `${name} in ${python}`);
}

function pythonOfJobs(): string {
  return isInPath("python") ? "python" : "python3";
}

/** Skips the test if something is missing. */
export function needs({ skip }: TestContext, missing: readonly string[]): void {
  const reason = reasonOf(missing);
  if (reason !== undefined) skip(reason);
}

/** Returns the title of tests that are skipped if there is a reason. */
export function titleOf(tests: string, reason: string | undefined): string {
  return reason === undefined ? tests : `${tests} (skipped: ${reason})`;
}

/** Returns the reason to skip tests if something is missing. */
export function reasonOf(missing: readonly string[]): string | undefined {
  return missing.length > 0 ? `this machine has no ${missing.join(", ")}` : undefined;
}
