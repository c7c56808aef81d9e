import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Returns the programs that are not in PATH. A test that needs them is skipped then; CI installs them, and sets
 * `BATCHAI_TEST_FRAMEWORKS`, with which the test runs and fails.
 */
export function missingPrograms(names: readonly string[]): string[] {
  if (process.env.BATCHAI_TEST_FRAMEWORKS !== undefined) return [];
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

/** Returns the Python modules that `python3` cannot import; see {@link missingPrograms}. */
export function missingModules(names: readonly string[]): string[] {
  if (process.env.BATCHAI_TEST_FRAMEWORKS !== undefined) return [];
  return names.filter((name) => spawnSync("python3", ["-c", `import ${name}`], { stdio: "ignore" }).status !== 0);
}
