import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;

/** The code of the guide as one program that uses the sources of this repository. */
async function programOfGuide(): Promise<string> {
  const guide = await readFile(join(root, "docs", "sdk.md"), "utf8");
  const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  return blocks
    .join("\n")
    .replaceAll('from "batchai"', `from "${root}src/index.ts"`)
    .replaceAll('from "batchai/service"', `from "${root}src/service/index.ts"`)
    .replaceAll('from "batchai/transfer"', `from "${root}src/transfer/index.ts"`);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchai-guide-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await writeFile(join(folder, "guide.ts"), await programOfGuide());
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("the guide to the SDK", () => {
  it("compiles", async () => {
    const compilerOptions = { noEmit: true };
    const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: [], files: ["guide.ts"] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
    const outcome = await run(process.execPath, [compiler, "-p", folder]).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ stdout: "" });
  });

  it("runs against the embedded service", async () => {
    const { stdout } = await run(process.execPath, [join(folder, "guide.ts")], { timeout: 120_000 });
    expect(stdout).toContain("clusters.create succeeded succeeded\nmyexperiment\nmyexperiment /subscriptions/");
    expect(stdout).toContain("/experiments/myexperiment\nmycluster succeeded\n");
    expect(stdout).toContain("1 of 1 ready, 0 being prepared");
    expect(stdout).toMatch(/stdout\.txt hello\n\nhello is succeeded\nexit code 0\n/);
    expect(stdout).toContain("jobs.run: the wait for job endless was aborted; the job is being terminated.\n");
    expect(stdout).toMatch(/to failed\nJob myjob failed with exit code 3\. JobFailed: .*\ntrained\ntrained\n/);
    expect(stdout).toMatch(/^1\/1 files, 6\/6 bytes\nmodel transferred \/.*\/output\/model$/m);
    expect(stdout).toContain("response 200 true");
    expect(stdout).toContain("404 The specified job nojob is not found");
    expect(stdout).toContain(
      "parameters.scaleSettings.manual.targetNodeCount must be an integer of at least 0, got -1",
    );
  });
});
