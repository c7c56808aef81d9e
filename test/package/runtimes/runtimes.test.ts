import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
import { beforeAll, describe, expect, it } from "vitest";
import { versions } from "../../../scripts/runtimes.ts";
import { EmbeddedService } from "../../service/embeddedService.ts";
import { findChromium } from "../chromium.ts";
import { InstalledPackage } from "../installed.ts";
import { PageServer } from "../pageServer.ts";
import { needs, needsRuntime } from "../prerequisites.ts";
import { Companion, unreachableUrl } from "./companion.ts";
import { bundleForBrowsers, runInChromium, runInProcess, runInWorkerd, writePrograms } from "./runners.ts";
import type { Settings, Share } from "./stage.ts";
import { faultless } from "./steps.ts";

let installed: InstalledPackage;
let service: EmbeddedService;
let companion: Companion;
let page: PageServer;
let settings: Omit<Settings, "workspace">;

beforeAll(async () => {
  installed = await InstalledPackage.install();
  return () => installed.remove();
});
beforeAll(async () => {
  await writePrograms(installed);
  page = await PageServer.start(await bundleForBrowsers(installed), () => ({ ...settings, workspace: "chromium" }));
  return () => page.close();
});
beforeAll(async () => {
  const allowedOrigins = [page.origin];
  service = await EmbeddedService.start({ resourceGroups: ["group"], allowedOrigins, gracePeriodInMs: 200 });
  return () => service.close();
});
beforeAll(async () => {
  const { endpoint, subscriptionId, token, storage } = service.service.connection;
  const share = (await service.share("logs")) as unknown as Share;
  companion = await Companion.start(join(service.folder, "files", storage.accountName, "logs"));
  settings = { endpoint, subscriptionId, token, share, companion: companion.url, unreachable: await unreachableUrl() };
  await allowDownloads(page.origin);
  return () => companion.close();
});

/** Lets web pages of an origin download files from the shares. */
async function allowDownloads(origin: string): Promise<void> {
  const { accountName, accountKey, fileEndpoint } = service.service.connection.storage;
  const shares = new ShareServiceClient(fileEndpoint, new StorageSharedKeyCredential(accountName, accountKey));
  const rule = { allowedOrigins: origin, allowedMethods: "GET", allowedHeaders: "*", exposedHeaders: "*" };
  await shares.setProperties({ cors: [{ ...rule, maxAgeInSeconds: 60 }] });
}

describe("the SDK does everything in", () => {
  it("Node.js 22.13", async (context) => {
    const node = needsRuntime(context, "node22");
    expect(await runInProcess(installed, { ...settings, workspace: "node22" }, node)).toEqual(faultless);
  });

  it("the Node.js that runs the tests", async () => {
    const report = await runInProcess(installed, { ...settings, workspace: "node" }, process.execPath);
    expect(report).toEqual(faultless);
  });

  it("Node.js 26", async (context) => {
    const node = needsRuntime(context, "node26");
    expect(await runInProcess(installed, { ...settings, workspace: "node26" }, node)).toEqual(faultless);
  });

  it("Bun", async (context) => {
    const bun = needsRuntime(context, "bun");
    expect(await runInProcess(installed, { ...settings, workspace: "bun" }, bun)).toEqual(faultless);
  });

  it("Deno", async (context) => {
    const deno = needsRuntime(context, "deno");
    const options = ["run", "--allow-all", "--node-modules-dir=manual", "--no-remote"];
    const report = await runInProcess(installed, { ...settings, workspace: "deno" }, deno, ...options);
    expect(report).toEqual(faultless);
  });

  it.for([
    // The earliest date with all that the SDK needs.
    ["2025-08-15", ["nodejs_compat"]],
    // Here, the flag is the default.
    ["2026-11-01", []],
  ] as const)(
    "workerd, as wrangler bundles it for Cloudflare Workers, with the compatibility date %s",
    async ([date, flags], context) => {
      needsRuntime(context, "wrangler");
      needsRuntime(context, "workerd");
      const report = await runInWorkerd(installed, { ...settings, workspace: `workerd-${date}` }, { date, flags });
      expect(report).toEqual(faultless);
    },
  );

  it("Chromium", async (context) => {
    const chromium = await findChromium();
    needs(context, "Chromium", chromium !== undefined);
    expect(await runInChromium(chromium ?? "", page)).toEqual(faultless);
  });
});

it("docs/sdk.md names the versions that these tests use", async () => {
  const page = await readFile("docs/sdk.md", "utf8");
  const [, table = ""] = /^## Runtimes$(.*?)^## /ms.exec(page) ?? [];
  const { devDependencies } = JSON.parse(await readFile("package.json", "utf8"));
  for (const version of [...Object.values(versions), devDependencies.node]) expect(table).toContain(version);
});
