import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ShareClient, ShareItem } from "@azure/storage-file-share";
import { expect } from "vitest";
import type { FilesService } from "../../src/files/filesService.ts";
import { everything } from "./signedRequest.ts";
import { account, rawRequest } from "./support.ts";
import type { Fixture } from "./support.ts";

/** Sets the days for which deleted shares are kept; 0 removes them immediately. */
export async function setRetention(service: FilesService, days: number): Promise<void> {
  const policy = days === 0 ? "<Enabled>false</Enabled>" : `<Enabled>true</Enabled><Days>${days}</Days>`;
  const { status } = await rawRequest(
    service,
    "PUT",
    `/${account.name}/?restype=service&comp=properties&${everything()}`,
    {},
    `<StorageServiceProperties><ShareDeleteRetentionPolicy>${policy}</ShareDeleteRetentionPolicy></StorageServiceProperties>`,
  );
  expect(status).toBe(202);
}

/** Returns all shares of a list. */
export async function listed(
  { client }: Pick<Fixture, "client">,
  options: Parameters<Fixture["client"]["listShares"]>[0],
): Promise<ShareItem[]> {
  const found: ShareItem[] = [];
  for await (const item of client.listShares(options)) found.push(item);
  return found;
}

/** Returns the version of a deleted share; empty if it does not exist. */
export async function deletedVersion(fixture: Pick<Fixture, "client">, name: string): Promise<string> {
  const items = await listed(fixture, { prefix: name, includeDeleted: true });
  return items.find((item) => item.deleted === true)?.version ?? "";
}

/** Returns the names beside the shares of the test account. */
export async function asideIn(dataDir: string): Promise<string[]> {
  return (await readdir(join(dataDir, account.name))).filter((name) => name.startsWith("."));
}

/** Creates a share with properties, and a file with properties in it. */
export async function filledShare(fixture: Pick<Fixture, "client">, name: string): Promise<ShareClient> {
  const share = fixture.client.getShareClient(name);
  await share.create({ metadata: { of: name }, quota: 3 });
  const file = share.rootDirectoryClient.getFileClient("file.txt");
  await file.uploadData(Buffer.from(name), { metadata: { kept: "yes" }, fileHttpHeaders: { fileContentType: "a/b" } });
  return share;
}
