import { writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import type { Replacement } from "../../src/service/state/replacements.ts";
import { Settings } from "../../src/service/state/settings.ts";
import { until } from "../until.ts";
import { ArmCaller, clusterBody } from "./arm.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { withFolder } from "./serviceProcess.ts";

let embedded: EmbeddedService;
let serial = 0;

beforeAll(async () => {
  embedded = await EmbeddedService.start({
    gracePeriodInMs: 200,
    autoScaleIdleTimeInMs: 300,
    nodeReplacementDelayInMs: 200,
  });
  await embedded.arm.prepare(0);
});

afterAll(async () => {
  await embedded.close();
});

const pathOf = (name: string): string => embedded.arm.inWorkspace(`/clusters/${name}`);

/** Creates a cluster that mounts a share which does not exist yet. Returns its name; the share has the same. */
async function clusterWithoutShare(scaleSettings: object): Promise<string> {
  const name = `cluster${String(++serial)}`;
  const account = embedded.service.connection.storage.accountName;
  const share = {
    accountName: account,
    azureFileUrl: `https://${account}.file.core.windows.net/${name}`,
    credentials: { accountKey: embedded.service.connection.storage.accountKey },
    relativeMountPath: "share",
  };
  const nodeSetup = { mountVolumes: { azureFileShares: [share] } };
  await embedded.arm.expect("PUT", pathOf(name), clusterBody(0, { scaleSettings, nodeSetup }));
  return name;
}

async function submit(cluster: string): Promise<string> {
  const name = `job-${cluster}`;
  const body = embedded.arm.jobBody("true", { cluster: { id: pathOf(cluster) } });
  await embedded.arm.expect("PUT", embedded.arm.jobPath(name), body);
  return name;
}

/** Returns a fact that the service stores about a cluster. */
function factAbout(prefix: string, cluster: string, folder = embedded.folder): string | undefined {
  const database = new DatabaseSync(`${folder}/batchai.db`, { readOnly: true });
  const row = database.prepare("SELECT value FROM settings WHERE name LIKE ?").get(`${prefix} %/${cluster}`);
  database.close();
  return row && String(row.value);
}

/** Returns how many nodes a cluster has had. */
function nodesSoFar(cluster: string, folder?: string): number {
  return Number(factAbout("last node of", cluster, folder) ?? 0);
}

/** Returns the next replacement of unusable nodes. */
function replacementOf(cluster: string, folder: string): Replacement | undefined {
  const text = factAbout("replacement of", cluster, folder);
  return text === undefined ? undefined : (JSON.parse(text) as Replacement);
}

const errorsOf = async (cluster: string): Promise<unknown> => (await embedded.cluster(cluster)).errors;

describe("unusable nodes of an automatically scaled cluster", () => {
  it("are replaced for a queued job, which runs once the share exists", async () => {
    const name = await clusterWithoutShare({ autoScale: { minimumNodeCount: 0, maximumNodeCount: 1 } });
    const job = await submit(name);
    await until("a node has been replaced", () => nodesSoFar(name) > 1);
    expect((await embedded.arm.job(job)).executionState).toBe("queued");
    expect(await errorsOf(name)).toMatchObject([{ code: "AZFMountError" }]);
    await embedded.share(name);
    expect(await embedded.ended(job)).toMatchObject({ executionState: "succeeded" });
    await embedded.counts({ idleNodeCount: 0, unusableNodeCount: 0 }, name);
    expect(await errorsOf(name)).toBeUndefined();
  });

  it("leave if no job needs them, and the errors stay; the next job gets another node", async () => {
    const autoScale = { minimumNodeCount: 0, maximumNodeCount: 2, initialNodeCount: 1 };
    const name = await clusterWithoutShare({ autoScale });
    await until(
      "the node has left",
      async () => nodesSoFar(name) === 1 && (await embedded.cluster(name)).currentNodeCount === 0,
    );
    await embedded.counts({ unusableNodeCount: 0 }, name);
    expect(await errorsOf(name)).toMatchObject([{ code: "AZFMountError" }]);
    await embedded.share(name);
    expect(await embedded.ended(await submit(name))).toMatchObject({ executionState: "succeeded" });
  });

  it("are replaced up to the minimum", async () => {
    const name = await clusterWithoutShare({ autoScale: { minimumNodeCount: 2, maximumNodeCount: 3 } });
    await embedded.counts({ unusableNodeCount: 2 }, name);
    await embedded.share(name);
    await embedded.counts({ idleNodeCount: 2, unusableNodeCount: 0 }, name);
    expect(await errorsOf(name)).toBeUndefined();
  });
});

describe("unusable nodes of a cluster with a fixed number of nodes", () => {
  it("are replaced, as a reboot would repair them", async () => {
    const name = await clusterWithoutShare({ manual: { targetNodeCount: 2 } });
    await embedded.counts({ unusableNodeCount: 2 }, name);
    await embedded.share(name);
    await embedded.counts({ idleNodeCount: 2, unusableNodeCount: 0 }, name);
  });
});

describe("the pace of replacements", () => {
  it("slows down with each failure", async () => {
    const set = vi.spyOn(Settings.prototype, "set");
    const name = await clusterWithoutShare({ manual: { targetNodeCount: 1 } });
    // All replacements that the service has scheduled: a reader of the database could miss a short one.
    const scheduled = (): Replacement[] =>
      set.mock.calls
        .filter(([fact]) => fact.startsWith("replacement of ") && fact.toLowerCase().endsWith(`/${name}`))
        .map(([, text]) => JSON.parse(text) as Replacement);
    await until("four rounds are scheduled", () => scheduled().length >= 4);
    const rounds = scheduled().slice(0, 4);
    expect(rounds.map(({ round }) => round)).toEqual([1, 2, 3, 4]);
    const pauses = rounds.slice(1).map(({ time }, index) => time - (rounds[index]?.time ?? 0));
    expect(pauses[0]).toBeGreaterThanOrEqual(400);
    expect(pauses[1]).toBeGreaterThanOrEqual(800);
    expect(pauses[2]).toBeGreaterThanOrEqual(1600);
  });

  it("is one second at least after the first replacement, even if none was asked for", async () => {
    await withFolder(async (folder) => {
      const service = await BatchAIService.start({ dataDir: folder, nodeReplacementDelayInMs: 0 });
      const setupTask = { commandLine: "exit 1", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
      await new ArmCaller(service.connection).prepare(1, { nodeSetup: { setupTask } });
      const timeOf = async (round: number): Promise<number> => {
        await until(`round ${String(round)} is scheduled`, () => replacementOf("nodes", folder)?.round === round);
        return replacementOf("nodes", folder)?.time ?? 0;
      };
      const second = await timeOf(2);
      expect((await timeOf(3)) - second).toBeGreaterThanOrEqual(1000);
      await service.close();
    });
  });

  it("continues after a restart of the service, and ends at once when the scale settings are changed", async () => {
    await withFolder(async (folder) => {
      const options = { dataDir: folder, nodeReplacementDelayInMs: 3_600_000 };
      const first = await BatchAIService.start(options);
      const arm = new ArmCaller(first.connection);
      const gate = `${folder}/gate`;
      const setupTask = { commandLine: `test -e '${gate}'`, stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
      await arm.prepare(2, { nodeSetup: { setupTask } });
      const counts = async (caller: typeof arm): Promise<Record<string, number>> => {
        const { body } = await caller.expect("GET", caller.inWorkspace("/clusters/nodes"));
        return body.properties?.nodeStateCounts as Record<string, number>;
      };
      await until("the nodes are unusable", async () => (await counts(arm)).unusableNodeCount === 2);
      expect(replacementOf("nodes", folder)).toMatchObject({ round: 1 });
      await first.close();

      const second = await BatchAIService.start(options);
      const caller = new ArmCaller(second.connection);
      await writeFile(gate, "");
      // The scheduler has looked at every cluster before it acknowledges a job.
      await caller.expect("PUT", caller.jobPath("waits"), caller.jobBody("true"));
      expect(await counts(caller)).toMatchObject({ unusableNodeCount: 2 });
      expect(nodesSoFar("nodes", folder)).toBe(2);

      const scaleSettings = { manual: { targetNodeCount: 2 } };
      await caller.expect("PATCH", caller.inWorkspace("/clusters/nodes"), { properties: { scaleSettings } });
      await until(
        "the job ran on another node",
        async () => (await caller.job("waits")).executionState === "succeeded",
      );
      expect(nodesSoFar("nodes", folder)).toBe(4);
      await second.close();
    });
  });
});
