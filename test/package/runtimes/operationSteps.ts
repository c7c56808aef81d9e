import type { Experiment } from "../../../src/index.ts";
import { check, quick, rejectionOf, same } from "./stage.ts";
import type { Step } from "./steps.ts";

/** Create, list, save and restore. The other steps use what these create. */
export const operationSteps: Record<string, Step> = {
  "creates with a poller that reports its progress": async ({ client, workspace, settings }) => {
    const created = await client.workspaces.create(...workspace, { location: "eastus" });
    same([created.name, created.provisioningState], [workspace[1], "succeeded"]);
    check(created.creationTime instanceof Date, "the creation time is not a Date");
    const creation = client.clusters.create(...workspace, "cluster", {
      vmSize: "STANDARD_D1",
      scaleSettings: { manual: { targetNodeCount: 1 } },
      userAccountSettings: { adminUserName: "me", adminUserPassword: "the password of nobody" },
      nodeSetup: { mountVolumes: { azureFileShares: [settings.share] } },
    });
    const progress: unknown[] = [];
    creation.onProgress(({ operation, status }) => progress.push([operation, status]));
    same((await creation).name, "cluster");
    same(progress.at(-1), ["clusters.create", "succeeded"]);
  },

  "waits for nodes": async ({ client, workspace }) => {
    const { nodeStateCounts } = await client.clusters.waitForNodes(...workspace, "cluster");
    check((nodeStateCounts?.idleNodeCount ?? 0) === 1, "the node is not idle");
  },

  "saves a poller and restores it": async ({ client, workspace, sdk }) => {
    const saved = await client.experiments.create(...workspace, "experiment").serialize();
    const restored = await sdk.restorePoller<Experiment>(client, saved);
    same(restored.name, "experiment");
  },

  "lists items and pages": async ({ client, workspace }) => {
    await client.experiments.create(...workspace, "other");
    const names: unknown[] = [];
    for await (const { name } of client.experiments.listByWorkspace(...workspace)) names.push(name);
    same(names.sort(), ["experiment", "other"]);
    const pages: number[] = [];
    let continuationToken: string | undefined;
    for await (const page of client.experiments.listByWorkspace(...workspace, { maxResults: 1 }).byPage()) {
      pages.push(page.length);
      continuationToken ??= page.continuationToken;
    }
    same(pages, [1, 1]);
    const rest = client.experiments.listByWorkspace(...workspace, { maxResults: 1 }).byPage({ continuationToken });
    const lengths: number[] = [];
    for await (const page of rest) lengths.push(page.length);
    same(lengths, [1]);
  },

  "runs a job through its handle, and hands on its output": async (stage) => {
    const handle = stage.client.jobs.at(...stage.job("run"));
    const parameters = stage.parametersOf("echo out; echo err >&2");
    const texts: Record<string, string> = {};
    const job = await handle.run(parameters, {
      ...quick,
      onOutput: ({ file, text }) => (texts[file] = (texts[file] ?? "") + text),
    });
    same([job.executionState, job.id], ["succeeded", handle.id]);
    same([texts["stdout.txt"], texts["stderr.txt"]], ["out\n", "err\n"]);
  },

  "closes a client": async (stage) => {
    const client = stage.clientOf(stage.settings.endpoint);
    await client.workspaces.get(...stage.workspace);
    await client.close();
    const error = await rejectionOf(client.workspaces.get(...stage.workspace));
    check(stage.sdk.isBatchAIError(error, "ClientClosed"), `not closed: ${String(error)}`);
  },
};
