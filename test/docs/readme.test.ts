import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { ServiceProcess, withFolder } from "../service/serviceProcess.ts";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url);

it("the programs of the README do what they say", async () => {
  const text = await readFile(new URL("README.md", root), "utf8");
  const programs = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, program = ""]) => program);
  expect(programs).toHaveLength(2);
  await withFolder(async (folder) => {
    const service = await ServiceProcess.start(join(folder, ".batchai"), ["--resource-group", "group"]);
    const sdk = await runIn(folder, programs[0] ?? "");
    expect(sdk.stdout).toMatch(/^hello (queued|running|succeeded)\n$/);
    await service.stop();
    const embedded = await runIn(folder, programs[1] ?? "");
    expect(embedded.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/);
  });
});

/** Runs a program as a user would, with the package's names standing for its sources. */
async function runIn(folder: string, program: string): Promise<{ stdout: string }> {
  const entries = { '"batchai/service"': "src/service/index.ts", '"batchai"': "src/index.ts" };
  let source = program;
  for (const [name, path] of Object.entries(entries)) source = source.replaceAll(name, `"${new URL(path, root).href}"`);
  const file = join(folder, "program.mts");
  await writeFile(file, source);
  return await run(process.execPath, [file], { cwd: folder, encoding: "utf8", timeout: 60_000 });
}
