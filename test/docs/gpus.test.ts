import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/index.ts";
import { findProgram } from "../../src/ground/findProgram.ts";
import { linesOf } from "../nodes/gpuAnswers.ts";
import { StandIn } from "../nodes/standIn.ts";
import { ServiceProcess } from "../service/serviceProcess.ts";
import { until } from "../until.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const missing = ["curl", "jq"].filter((program) => findProgram(program) === undefined);
const names = ["train1", "train2", "train3"];

/** Starts a service on a machine with two GPUs, in a folder. */
async function startService(folder: string): Promise<ServiceProcess> {
  const tool = new StandIn();
  tool.answer("query", linesOf([0, 1]));
  const path = `${tool.folder}:${process.env.PATH ?? ""}`;
  const service = await ServiceProcess.start(join(folder, ".batchai"), ["--resource-group", "group"], { PATH: path });
  onTestFinished(async () => {
    await service.stop();
  });
  return service;
}

const title = missing.length > 0 ? ` (skipped: this machine lacks ${missing.join(" and ")})` : "";

it.skipIf(missing.length > 0)(`the commands of docs/gpus.md print what it says${title}`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "batchai-gpu-page-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  const page = await readFile(join(root, "docs/gpus.md"), "utf8");
  const blocks = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
  const blocksOf = (wanted: string) => blocks.flatMap(([, language, text = ""]) => (language === wanted ? [text] : []));
  const [withCurl = "", withSdk = "", ...others] = blocksOf("sh");
  const [holders = "", wait = ""] = blocksOf("");
  expect(others).toEqual([]);

  const client = connect((await startService(folder)).connection);
  const gate = join(folder, "gate");
  await client.workspaces.create("group", "myworkspace", { location: "eastus" });
  await client.experiments.create("group", "myworkspace", "myexperiment");
  const cluster = await client.clusters.create("group", "myworkspace", "mycluster", {
    vmSize: "STANDARD_NC6",
    scaleSettings: { manual: { targetNodeCount: 3 } },
    userAccountSettings: { adminUserName: "me", adminUserPassword: "not used on this machine" },
  });
  for (const name of names) {
    await client.jobs.create("group", "myworkspace", "myexperiment", name, {
      cluster,
      nodeCount: 1,
      stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_TEMP_DIR",
      customToolkitSettings: { commandLine: `until [ -e '${gate}' ]; do sleep 0.05; done` },
    });
  }
  const stateOf = async (name: string) => {
    return (await client.jobs.get("group", "myworkspace", "myexperiment", name)).executionState;
  };
  await until("two jobs run", async () => (await stateOf("train1")) === "running" && (await stateOf("train2")) === "running");

  const bash = async (block: string) => (await run("bash", ["-euo", "pipefail", "-c", block], { cwd: folder })).stdout;
  expect(await bash(withCurl)).toBe(holders);
  const script = withSdk.replace('"batchai"', JSON.stringify(join(root, "src/index.ts")));
  const lines = (await bash(script)).split("\n");
  expect(lines.some((line) => /^GPU 1 \(GPU-[\w-]+\): myworkspace\/myexperiment\/train2$/.test(line))).toBe(true);
  expect(lines).toContain(wait.trim().replaceAll("\n", " "));

  await writeFile(gate, "");
  await until("all have ended", async () => (await stateOf("train3")) === "succeeded");
});
