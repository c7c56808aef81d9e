import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../until.ts";
import { type ArmAnswer, ArmCaller, clusterBody } from "./arm.ts";
import { MeasuredService } from "./costs.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";

let service: MeasuredService;
let arm: ArmCaller;

beforeAll(async () => {
  service = await MeasuredService.start();
  arm = service.arm;
});

afterAll(() => service.close());

interface Variable {
  readonly name: string;
  readonly value: string;
}

/** Each variable is twice the one before. */
const doubling = (count: number): Variable[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `V${String(index)}`,
    value: index === 0 ? "x".repeat(64) : `$V${String(index - 1)}`.repeat(2),
  }));
/** Each variable is the next one; the last has a value. */
const chain = (count: number): Variable[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `V${String(index)}`,
    value: index === count - 1 ? "end" : `$V${String(index + 1)}`,
  }));
const variables = "properties.environmentVariables";
const setupTask = { commandLine: "true", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
const withSetup = (task: Record<string, unknown>, nodeCount = 1) =>
  clusterBody(nodeCount, { nodeSetup: { setupTask: { ...setupTask, ...task } } });

describe("a job that would stop the service is refused", () => {
  it.each<[string, Record<string, unknown>, string]>([
    ["variables that double each other", { environmentVariables: doubling(40) }, `${variables}[11].value`],
    [
      "a variable that repeats a long one",
      {
        environmentVariables: [
          { name: "A", value: "x".repeat(100_000) },
          { name: "B", value: "$A".repeat(40_000) },
        ],
      },
      `${variables}[1].value`,
    ],
    ["a chain of variables", { environmentVariables: chain(1000) }, variables],
    [
      "variables that are large together",
      {
        environmentVariables: [
          { name: "A", value: "x".repeat(100_000) },
          ...Array.from({ length: 100 }, (_, index) => ({ name: `B${String(index)}`, value: "$A" })),
        ],
      },
      variables,
    ],
    [
      "a variable longer than Linux allows",
      { environmentVariables: [{ name: "N".repeat(10_000), value: "x".repeat(125_000) }] },
      `${variables}[0].value`,
    ],
    ["too many variables", { environmentVariables: chain(1001) }, variables],
    [
      "a long path",
      { stdOutErrPathPrefix: `$AZ_BATCHAI_MOUNT_ROOT${"/a".repeat(3000)}` },
      "properties.stdOutErrPathPrefix",
    ],
    [
      "a path with a long name",
      { stdOutErrPathPrefix: `$AZ_BATCHAI_MOUNT_ROOT/${"a".repeat(300)}` },
      "properties.stdOutErrPathPrefix",
    ],
    [
      "a path of long variables",
      {
        environmentVariables: [{ name: "A", value: "x".repeat(3000) }],
        stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/$A/$A",
      },
      "properties.stdOutErrPathPrefix",
    ],
    [
      "a long suffix",
      { outputDirectories: [{ id: "M", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT", pathSuffix: "a/".repeat(2500) }] },
      "properties.outputDirectories[0].pathSuffix",
    ],
    [
      "a long command line",
      { customToolkitSettings: { commandLine: "x".repeat(129_000) } },
      "properties.customToolkitSettings.commandLine",
    ],
    [
      "a command line of long parts",
      {
        customToolkitSettings: undefined,
        cntkSettings: {
          pythonScriptFilePath: "a.py",
          pythonInterpreterPath: "p".repeat(70_000),
          commandLineArgs: "b".repeat(70_000),
        },
      },
      "properties.cntkSettings",
    ],
    [
      "many directories",
      { inputDirectories: Array.from({ length: 50_000 }, (_, index) => ({ id: `I${String(index)}`, path: "/a" })) },
      "properties.inputDirectories",
    ],
    [
      "a mount path of many steps",
      {
        mountVolumes: {
          azureFileShares: [
            {
              accountName: "a",
              azureFileUrl: "u",
              credentials: { accountKey: "k" },
              relativeMountPath: "a/".repeat(50_000),
            },
          ],
        },
      },
      "properties.mountVolumes.azureFileShares[0].relativeMountPath",
    ],
    [
      "a secret longer than Linux allows",
      { secrets: [{ name: "N".repeat(10_000), value: "x".repeat(125_000) }] },
      "properties.secrets[0].value",
    ],
    [
      "secrets that are large together",
      { secrets: Array.from({ length: 3 }, (_, index) => ({ name: `S${String(index)}`, value: "x".repeat(100_000) })) },
      "properties.secrets",
    ],
  ])("%s", async (_, properties, target) => {
    const answer = await service.cheap("PUT", arm.jobPath("bad"), arm.jobBody("true", properties));
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({ code: "InvalidParameter", target });
    expect(answer.text.length).toBeLessThan(2000);
    expect((await arm.send("GET", arm.jobPath("bad"))).status).toBe(404);
  });

  it.each<[string, Record<string, unknown>]>([
    ["variables", { environmentVariables: doubling(40) }],
    ["a chain of variables", { environmentVariables: chain(1000) }],
    ["a long command line", { commandLine: "x".repeat(129_000) }],
    ["a long path", { stdOutErrPathPrefix: `$AZ_BATCHAI_MOUNT_ROOT${"/a".repeat(3000)}` }],
  ])("a setup task with %s too", async (_, task) => {
    const answer = await service.cheap("PUT", arm.inWorkspace("/clusters/bad"), withSetup(task));
    expect(answer.status).toBe(400);
    expect(answer.body.error?.code).toBe("InvalidParameter");
    expect(answer.body.error?.target).toMatch(/^properties\.nodeSetup\.setupTask\./);
  });
});

it("a job with all that is allowed runs", async () => {
  const large = Array.from({ length: 5 }, (_, index) => ({ name: `L${String(index)}`, value: "x".repeat(100_000) }));
  const properties = {
    environmentVariables: [...large, ...chain(100)],
    secrets: [
      { name: "S0", value: "s".repeat(128_000) },
      { name: "S1", value: "s".repeat(128_000) },
    ],
    jobPreparation: { commandLine: `true ${"p".repeat(127_000)}` },
  };
  const line = `test "\${#L4}" = 100000 && test "\${#S1}" = 128000 && test "$V0" = end # ${"c".repeat(127_000)}`;
  const answer = await service.cheap("PUT", arm.jobPath("large"), arm.jobBody(line, properties));
  expect(answer.status).toBe(202);
  await until("it has ended", async () => /succeeded|failed/.test(String((await arm.job("large")).executionState)));
  expect(await arm.job("large")).toMatchObject({ executionState: "succeeded" });
});

it("a list of large resources comes in pages that fit into memory", async () => {
  const names = Array.from({ length: 60 }, (_, index) => `w${String(index)}`);
  for (const name of names) {
    const tags = { a: "x".repeat(120_000) };
    await arm.expect("PUT", arm.inSubscription(`/resourceGroups/${name}`), { location: "eastus", tags });
  }
  const found: unknown[] = [];
  let pages = 0;
  for (let next: string | undefined = arm.inSubscription("/resourceGroups"); next !== undefined; pages++) {
    const page: ArmAnswer = await arm.send("GET", next, undefined, next.startsWith("http") ? { query: "" } : {});
    expect(page.text.length).toBeLessThan(8_000_000);
    found.push(...(page.body.value ?? []).map((group) => group.name));
    next = page.body.nextLink as string | undefined;
  }
  expect(found).toEqual(["group", ...names]);
  expect(pages).toBeGreaterThan(1);
  for (const name of names) await arm.expect("DELETE", arm.inSubscription(`/resourceGroups/${name}`));
});

it("jobs and setup tasks that an earlier version accepted fail, and the service lives on", async () => {
  await withFolder(async (dataDir) => {
    const before = await ServiceProcess.start(dataDir);
    const caller = new ArmCaller(before.connection);
    await caller.prepare(0);
    for (const name of ["doubling", "chain", "duration", "fine"]) {
      await caller.expect(
        "PUT",
        caller.jobPath(name),
        caller.jobBody("true", { constraints: { maxWallClockTime: "PT1H" } }),
      );
    }
    await caller.expect("PUT", caller.inWorkspace("/clusters/set-up"), withSetup({}, 0));
    await before.stop();

    const database = new DatabaseSync(join(dataDir, "batchai.db"));
    const change = (name: string, work: (properties: Record<string, unknown>) => void): void => {
      const row = database.prepare("SELECT key, body FROM resources WHERE key LIKE ?").get(`%/${name}`);
      const body = JSON.parse(String(row?.body)) as { properties: Record<string, unknown> };
      work(body.properties);
      database.prepare("UPDATE resources SET body = ? WHERE key = ?").run(JSON.stringify(body), String(row?.key));
    };
    change("doubling", (properties) => (properties.environmentVariables = doubling(40)));
    change("chain", (properties) => (properties.environmentVariables = chain(3000)));
    change("duration", (properties) => (properties.constraints = { maxWallClockTime: `PT${"1".repeat(100_000)}S` }));
    change("set-up", (properties) => {
      const { nodeSetup } = properties as { nodeSetup: { setupTask: Record<string, unknown> } };
      nodeSetup.setupTask.environmentVariables = doubling(40);
    });
    database.close();

    const after = await ServiceProcess.start(dataDir);
    try {
      const later = new ArmCaller(after.connection);
      await later.expect("PATCH", later.inWorkspace("/clusters/nodes"), clusterBody(2));
      await later.expect("PATCH", later.inWorkspace("/clusters/set-up"), clusterBody(1));
      const states = async () =>
        await Promise.all(
          ["doubling", "chain", "duration", "fine"].map(async (name) => (await later.job(name)).executionState),
        );
      await until("all jobs have ended", async () =>
        (await states()).every((state) => /succeeded|failed/.test(String(state))),
      );
      expect(await states()).toEqual(["failed", "failed", "succeeded", "succeeded"]);
      expect((await later.job("doubling")).executionInfo).toMatchObject({
        errors: [{ code: "InvalidEnvironmentVariable" }],
      });
      await until("the node is unusable", async () =>
        JSON.stringify((await later.expect("GET", later.inWorkspace("/clusters/set-up"))).body).includes(
          '"unusableNodeCount":1',
        ),
      );
    } finally {
      await after.kill();
    }
  });
});
