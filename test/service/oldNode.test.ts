import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url);

/** Runs the command line on a Node.js that takes itself for another version. */
async function versionOn(node: string): Promise<string> {
  const versions = `{ value: { ...process.versions, node: "${node}" } }`;
  const disguise = `data:text/javascript,Object.defineProperty(process, "versions", ${versions})`;
  const main = fileURLToPath(new URL("src/cli/main.ts", root));
  const { stdout } = await run(process.execPath, ["--import", disguise, main, "--version"]);
  return stdout.trim();
}

it("the command line says which Node.js it needs, on one that is too old", async () => {
  const { engines, version } = JSON.parse(await readFile(new URL("package.json", root), "utf8"));
  expect(engines.node).toBe(">=22.13");
  for (const enough of ["22.13.0", "24.0.0"]) expect(await versionOn(enough)).toBe(version);
  for (const tooOld of ["20.20.2", "22.12.9"]) {
    const stderr = `batchai: Node.js 22.13 or later is required; this is ${tooOld}. Install it from https://nodejs.org.\n`;
    await expect(versionOn(tooOld)).rejects.toMatchObject({ code: 1, stderr });
  }
});
