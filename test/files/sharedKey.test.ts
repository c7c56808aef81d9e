import { randomBytes } from "node:crypto";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { record } from "./recorder.ts";
import type { RecordedRequest } from "./recorder.ts";
import { account, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
  await fixture.client.createShare("signed");
});
afterAll(() => fixture.close());

describe("shared key", () => {
  it("rejects a wrong key, and reveals nothing about the right one", async () => {
    const wrong = new StorageSharedKeyCredential(account.name, randomBytes(64).toString("base64"));
    const client = new ShareServiceClient(fixture.service.fileEndpoint(account.name), wrong);
    const { status, code, body } = await refusal(client.getShareClient("signed").getProperties());
    expect({ status, code }).toEqual({ status: 403, code: "AuthenticationFailed" });
    expect(body).not.toMatch(/[A-Za-z0-9+/]{43}=/);
    expect(body).not.toContain("\\n/testaccount");
  });

  it("rejects an unknown account like a wrong key", async () => {
    const stranger = new StorageSharedKeyCredential("stranger", account.key);
    const client = new ShareServiceClient(`${fixture.service.endpoint}/stranger`, stranger);
    expect(await refusal(client.createShare("mine-now"))).toMatchObject({ status: 403, code: "AuthenticationFailed" });
    const impostor = new ShareServiceClient(fixture.service.fileEndpoint(account.name), stranger);
    expect(await refusal(impostor.createShare("mine-now"))).toMatchObject({ status: 403 });
  });

  it("requires a credential for everything", async () => {
    for (const [method, path] of [
      ["GET", "/testaccount/?comp=list"],
      ["GET", "/testaccount/signed?restype=share"],
      ["GET", "/testaccount/signed/file"],
      ["PUT", "/testaccount/signed/file"],
      ["DELETE", "/testaccount/signed?restype=share"],
      ["GET", "/unknown/signed/file"],
    ] as const) {
      const answer = await rawRequest(fixture.service, method, path);
      expect([answer.status, answer.headers["x-ms-error-code"]]).toEqual([401, "NoAuthenticationInformation"]);
    }
    const odd = await rawRequest(fixture.service, "GET", "/testaccount/signed/file", { authorization: "Bearer abc" });
    expect([odd.status, odd.headers["x-ms-error-code"]]).toEqual([400, "InvalidAuthenticationInfo"]);
  });

  it("rejects a request that was signed too long ago or has no date", async () => {
    const request = await record((client) => client.getShareClient("signed").getProperties());
    expect((await send(request)).status).toBe(200);
    const { "x-ms-date": date = "", ...undated } = request.headers;
    const old = new Date(Date.parse(date) - 16 * 60_000).toUTCString();
    expect((await send({ ...request, headers: { ...undated, "x-ms-date": old } })).status).toBe(403);
    expect((await send({ ...request, headers: undated })).status).toBe(403);
  });

  it("accepts a Date next to the signed x-ms-date, because proxies and other clients add one", async () => {
    const request = await record((client) => client.getShareClient("signed").getProperties());
    const date = new Date(0).toUTCString();
    expect((await send({ ...request, headers: { ...request.headers, date } })).status).toBe(200);
  });

  it("accepts everything that the official client signs", async () => {
    const names = fc
      .string({ unit: "binary", minLength: 1, maxLength: 20 })
      .filter((name) => !/[\p{C}"\\/:|<>*?]|\.$|^(con|prn|aux|nul|clock\$|com[1-9]|lpt[1-9])$/iu.test(name));
    const words = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
    const metadata = fc.dictionary(words, fc.stringMatching(/^[a-z](?:[ -~]*[a-z])?$/), { maxKeys: 6 });
    const share = fixture.client.getShareClient("signed");
    await fc.assert(
      fc.asyncProperty(names, metadata, fc.integer({ min: 0, max: 9 }), async (name, given, size) => {
        const distinct = Object.fromEntries(Object.entries(given).map(([key, value]) => [key.toLowerCase(), value]));
        const file = share.rootDirectoryClient.getFileClient(name);
        await file.create(size, { metadata: distinct });
        expect((await file.getProperties()).metadata).toEqual(distinct);
        const page = share.rootDirectoryClient.listFilesAndDirectories({ prefix: name }).byPage({ maxPageSize: 1 });
        expect((await page.next()).done).toBe(false);
        await file.delete();
      }),
      { seed: 20180501, numRuns: 150 },
    );
  });

  it("rejects a request in which any signed part was changed", async () => {
    const request = await record((client) => {
      const file = client.getShareClient("signed").rootDirectoryClient.getFileClient("target.txt");
      return file.create(100, { metadata: { owner: "me" }, fileHttpHeaders: { fileContentType: "text/plain" } });
    });
    expect((await send(request)).status).toBe(201);
    const signed = Object.keys(request.headers).filter((name) => name.startsWith("x-ms-") || name === "content-type");
    const changes = fc.oneof(
      fc.record({ what: fc.constant("path" as const), at: fc.nat(), bit: fc.nat(5) }),
      fc.record({ what: fc.constantFrom(...signed), at: fc.nat(), bit: fc.nat(5) }),
    );
    await fc.assert(
      fc.asyncProperty(changes, async ({ what, at, bit }) => {
        const changed = flip(what === "path" ? request.path : (request.headers[what] ?? ""), at, bit);
        fc.pre(/^[!-~](?:[ -~]*[!-~])?$/.test(changed) && (what !== "path" || /^\/[^ #\s]*$/.test(changed)));
        const next =
          what === "path"
            ? { ...request, path: changed }
            : { ...request, headers: { ...request.headers, [what]: changed } };
        const { status } = await send(next);
        expect([400, 401, 403]).toContain(status);
      }),
      { seed: 20180501, numRuns: 400 },
    );
    const additions = { "x-ms-meta-added": "1", "x-ms-type": "file, file", range: "bytes=0-1" };
    for (const [name, value] of Object.entries(additions)) {
      expect((await send({ ...request, headers: { ...request.headers, [name]: value } })).status).toBe(403);
    }
    expect((await send({ ...request, method: "DELETE" })).status).toBe(403);
    expect((await send({ ...request, path: `${request.path}?comp=metadata` })).status).toBe(403);
    expect((await send({ ...request, body: "x" })).status).toBe(403);
    expect(fixture.logged).toEqual([]);
  });
});

function flip(text: string, at: number, bit: number): string {
  const bytes = Buffer.from(text, "latin1");
  const index = at % bytes.length;
  bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
  return bytes.toString("latin1");
}

function send({ method, path, headers, body }: RecordedRequest) {
  const sized = { ...headers, "content-length": String(Buffer.byteLength(body)) };
  return rawRequest(fixture.service, method, path, sized, body);
}
