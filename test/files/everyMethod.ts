import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type {
  ShareClient,
  ShareDirectoryClient,
  ShareFileClient,
  ShareServiceClient,
  UserDelegationKey,
} from "@azure/storage-file-share";
import { expect } from "vitest";
import { account } from "./support.ts";
import type { Fixture } from "./support.ts";

/** Fixture of a case: its own share, a directory in it, and a file in that with the content `0123456789`. */
export interface World {
  readonly fixture: Fixture;
  readonly service: ShareServiceClient;
  readonly share: ShareClient;
  readonly directory: ShareDirectoryClient;
  readonly file: ShareFileClient;
  /** Folder of the share on the disk. */
  readonly folder: string;
}

/** Results of calls, by the name of the method. */
export type Cases = Readonly<Record<string, (world: World) => Promise<unknown>>>;

let worlds = 0;

export async function newWorld(fixture: Fixture): Promise<World> {
  const service = fixture.client;
  const share = service.getShareClient(`world-${worlds++}`);
  await share.create();
  const directory = share.getDirectoryClient("dir");
  await directory.create();
  const file = directory.getFileClient("file.txt");
  await file.uploadData(Buffer.from("0123456789"));
  const folder = fixture.service.shareFolder(account.name, share.name);
  if (folder === undefined) throw new Error("The share has no folder.");
  return { fixture, service, share, directory, file, folder };
}

/** Returns all items of a list. */
export async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of list) found.push(item);
  return found;
}

/** Returns the path on the disk of an entry of the share. */
export function onDisk({ folder }: World, ...names: string[]): string {
  return join(folder, ...names);
}

/** Expiry time of URLs that a case signs. */
export function soon(): Date {
  return new Date(Date.now() + 600_000);
}

/** A key such as Azure returns to an Entra user. This endpoint has none. */
export const delegationKey: UserDelegationKey = {
  signedObjectId: "11111111-1111-1111-1111-111111111111",
  signedTenantId: "22222222-2222-2222-2222-222222222222",
  signedStartsOn: new Date(),
  signedExpiresOn: soon(),
  signedService: "f",
  signedVersion: "2026-02-06",
  value: randomBytes(32).toString("base64"),
};

/** Returns the status and the code of the response for a URL. */
export async function answerTo(url: string, method = "GET"): Promise<[number, string | null]> {
  const answer = await fetch(url, { method });
  await answer.arrayBuffer();
  return [answer.status, answer.headers.get("x-ms-error-code")];
}

/** Checks that a text to sign is what its signature was computed from, with one field per line. */
export function expectStringToSign(text: string, ...fields: string[]): void {
  const lines = text.split("\n");
  for (const field of fields) expect(lines).toContain(field);
}
