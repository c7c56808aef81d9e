import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { ShareClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture, RawAnswer } from "./support.ts";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("wire");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "wire") ?? "";
  await share.rootDirectoryClient.getFileClient("ten.txt").uploadData(Buffer.from("0123456789"));
});
afterAll(() => fixture.close());

function call(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<RawAnswer> {
  const joint = path.includes("?") ? "&" : "?";
  return rawRequest(fixture.service, method, `/${account.name}/${path}${joint}${everything()}`, headers, body);
}

describe("responses", () => {
  it("carry the headers of the service", async () => {
    const sent = { "x-ms-version": "2018-03-28", "x-ms-client-request-id": "my-id" };
    const answer = await call("GET", "wire/ten.txt", sent);
    expect(answer.headers).toMatchObject({
      server: "Windows-Azure-File/1.0 Microsoft-HTTPAPI/2.0",
      "x-ms-version": "2018-03-28",
      "x-ms-client-request-id": "my-id",
      "x-ms-type": "File",
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
      "content-length": "10",
    });
    expect(answer.headers["x-ms-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(Date.parse(answer.headers["last-modified"] ?? "")).toBeGreaterThan(0);
    expect(Date.parse(answer.headers.date ?? "")).toBeGreaterThan(0);
    expect(answer.headers.etag).toMatch(/^"0x[0-9A-F]+"$/);
  });

  it("are XML with a byte order mark, code, request ID and time for errors", async () => {
    const answer = await call("GET", "wire/absent");
    expect(answer.status).toBe(404);
    expect(answer.headers).toMatchObject({ "content-type": "application/xml", "x-ms-error-code": "ResourceNotFound" });
    expect(answer.body).toMatch(/^\uFEFF<\?xml [^>]*\?><Error><Code>ResourceNotFound<\/Code><Message>/);
    expect(answer.body).toMatch(/<Message>[^<]+\nRequestId:[0-9a-f-]+\nTime:[^<]+Z<\/Message><\/Error>$/);
  });

  it("to HEAD have an error code but no body", async () => {
    const answer = await call("HEAD", "wire/absent");
    expect([answer.status, answer.headers["x-ms-error-code"], answer.body]).toEqual([404, "ResourceNotFound", ""]);
  });

  it("to a tail at the end of the file are 416 with the length", async () => {
    const answer = await call("GET", "wire/ten.txt", { range: "bytes=10-" });
    expect([answer.status, answer.headers["content-range"]]).toEqual([416, "bytes */10"]);
    expect((await call("GET", "wire/ten.txt", { range: "bytes=8-" })).body).toBe("89");
    expect((await call("GET", "wire/ten.txt", { range: "bytes=-3" })).body).toBe("789");
    expect((await call("GET", "wire/ten.txt", { range: "bytes=1-2", "x-ms-range": "bytes=0-0" })).body).toBe("0");
    for (const range of ["bytes=5-2", "bytes=0-1,3-4", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=999999999999999-"]) {
      expect((await call("GET", "wire/ten.txt", { range })).status).toBeGreaterThanOrEqual(400);
    }
  });

  it("respect conditions on dates, to the second, unless there is one on an ETag", async () => {
    const head = (await call("HEAD", "wire/ten.txt")).headers;
    const changed = head["last-modified"] ?? "";
    const before = new Date(Date.parse(changed) - 1000).toUTCString();
    expect((await call("GET", "wire/ten.txt", { "if-modified-since": changed })).status).toBe(304);
    expect((await call("GET", "wire/ten.txt", { "if-modified-since": before })).status).toBe(200);
    expect((await call("GET", "wire/ten.txt", { "if-unmodified-since": changed })).status).toBe(200);
    expect((await call("GET", "wire/ten.txt", { "if-unmodified-since": before })).status).toBe(412);
    const both = { "if-unmodified-since": before, "if-match": head.etag ?? "" };
    expect((await call("GET", "wire/ten.txt", both)).status).toBe(200);
    const either = { "if-modified-since": changed, "if-none-match": '"other"' };
    expect((await call("GET", "wire/ten.txt", either)).status).toBe(200);
    expect((await call("GET", "wire/ten.txt", { "if-modified-since": "yesterday" })).status).toBe(200);
  });

  it("respect If-Match and If-None-Match", async () => {
    const { etag = "" } = (await call("HEAD", "wire/ten.txt")).headers;
    expect((await call("GET", "wire/ten.txt", { "if-none-match": etag })).status).toBe(304);
    expect((await call("GET", "wire/ten.txt", { "if-match": etag })).status).toBe(200);
    expect((await call("GET", "wire/ten.txt", { "if-match": '"other"' })).status).toBe(412);
    const write = { "x-ms-write": "update", range: "bytes=0-0", "if-match": '"other"' };
    const refused = await call("PUT", "wire/ten.txt?comp=range", write, "X");
    expect([refused.status, refused.headers["x-ms-error-code"]]).toEqual([412, "ConditionNotMet"]);
    expect((await call("PUT", "wire/ten.txt", { "x-ms-content-length": "0", "if-none-match": "*" })).status).toBe(412);
    const create = { "if-none-match": "*" };
    expect((await call("PUT", "wire/conditional?restype=directory", create)).status).toBe(201);
    expect(await readFile(join(folder, "ten.txt"), "utf8")).toBe("0123456789");
  });
});

describe("requests that the endpoint does not support", () => {
  it("are rejected with an error code, and change nothing", async () => {
    const file = share.rootDirectoryClient.getFileClient("ten.txt");
    for (const attempt of [
      () => file.createHardLink("ten.txt"),
      () => file.createSymbolicLink("ten.txt"),
      () => file.getSymbolicLink(),
    ]) {
      expect(await refusal(attempt()), String(attempt)).toMatchObject({
        status: 400,
        code: "UnsupportedQueryParameter",
      });
    }
    const unheardOf = await call("PUT", "wire/ten.txt?comp=expiry");
    expect([unheardOf.status, unheardOf.headers["x-ms-error-code"]]).toEqual([501, "NotImplemented"]);
    expect(await readFile(join(folder, "ten.txt"), "utf8")).toBe("0123456789");
  });

  it("are rejected with the name of the unsupported header or parameter", async () => {
    const file = share.rootDirectoryClient.getFileClient("ten.txt");
    const lease = { conditions: { leaseId: "00000000-0000-0000-0000-000000000000" } };
    expect(await refusal(file.download(0, 1, { leaseAccessConditions: lease.conditions }))).toMatchObject({
      code: "LeaseNotPresentWithFileOperation",
    });
    expect(await refusal(share.withSnapshot("2020-01-01T00:00:00.0000000Z").getProperties())).toMatchObject({
      status: 404,
      code: "ShareSnapshotNotFound",
    });
    for (const options of [{ filePermissionFormat: "Binary" as const }, { posixProperties: { owner: "1" } }]) {
      expect(await refusal(file.create(1, options))).toMatchObject({ code: "UnsupportedHeader" });
    }
    const nfs = fixture.client.getShareClient("nfs").create({ protocols: { nfsEnabled: true } });
    expect(await refusal(nfs)).toMatchObject({ status: 400, code: "UnsupportedHeader" });
    expect(await refusal(file.download(0, 1, { contentChecksumAlgorithm: "StorageCrc64" }))).toMatchObject({
      code: "UnsupportedHeader",
    });
    expect(await readFile(join(folder, "ten.txt"), "utf8")).toBe("0123456789");
  });

  it("get a 4xx if they are malformed", async () => {
    const put = { "x-ms-write": "update" };
    const cases: [string, string, Record<string, string>, string?][] = [
      ["PUT", "wire/new", {}],
      ["PUT", "wire/new", { "x-ms-content-length": "-1" }],
      ["PUT", "wire/new", { "x-ms-content-length": "1e3" }],
      ["PUT", "wire/new", { "x-ms-content-length": "9999999999999999" }],
      ["PUT", "wire/new", { "x-ms-content-length": "5497558138880" }],
      ["PUT", "wire/new", { "x-ms-content-length": "1", "x-ms-file-attributes": "Shiny" }],
      ["PUT", "wire/new", { "x-ms-content-length": "1", "x-ms-file-creation-time": "yesterday" }],
      ["PUT", "wire/new", { "x-ms-content-length": "1", "x-ms-content-md5": "short" }],
      ["PUT", "wire/new", { "x-ms-content-length": "1", "x-ms-meta-": "x" }],
      ["PUT", "wire/new", { "x-ms-content-length": "1", "x-ms-meta-a-b": "x" }],
      ["PUT", "wire/new", { "x-ms-content-length": "1", "x-ms-meta-big": "x".repeat(9000) }],
      ["PUT", "wire/ten.txt?comp=range", { ...put }, "x"],
      ["PUT", "wire/ten.txt?comp=range", { ...put, range: "bytes=0-5" }, "x"],
      ["PUT", "wire/ten.txt?comp=range", { ...put, range: "bytes=5-0" }, "x"],
      ["PUT", "wire/ten.txt?comp=range", { ...put, range: "bytes=0-" }, "x"],
      ["PUT", "wire/ten.txt?comp=range", { "x-ms-write": "append", range: "bytes=0-0" }, "x"],
      ["PUT", "wire/ten.txt?comp=range", { ...put, range: "bytes=0-0", "content-md5": "x" }, "x"],
      ["PUT", "wire/ten.txt?comp=range", { ...put, range: "bytes=0-0", "transfer-encoding": "chunked" }, "x"],
      ["GET", "wire/ten.txt?comp=unheard-of", {}],
      ["GET", "wire/ten.txt?restype=share", {}],
      ["GET", "wire?restype=directory&comp=list&maxresults=0", {}],
      ["GET", "wire?restype=directory&comp=list&maxresults=many", {}],
      ["GET", "wire?restype=directory&comp=list&prefix=a&prefix=b", {}],
      ["GET", "wire/ten.txt", { "x-ms-version": "newest" }],
      ["PATCH", "wire/ten.txt", {}],
      ["POST", "wire/ten.txt", { "x-http-method-override": "DELETE" }],
    ];
    for (const [method, path, headers, body] of cases) {
      const { status } = await call(method, path, headers, body);
      expect(status, `${method} ${path} ${JSON.stringify(headers)}`).toBeGreaterThanOrEqual(400);
      expect(status === 501 || status < 500, `${method} ${path} ${JSON.stringify(headers)}: ${status}`).toBe(true);
    }
    expect(await readFile(join(folder, "ten.txt"), "utf8")).toBe("0123456789");
    expect(await share.rootDirectoryClient.getFileClient("new").exists()).toBe(false);
    expect(fixture.logged).toEqual([]);
  });
});

describe("bodies", () => {
  it("that end early are never acknowledged, and nothing of them is written", async () => {
    await share.rootDirectoryClient.getFileClient("partial").create(1_000_000);
    const received = await sendAndCut(`/${account.name}/wire/partial?comp=range&${everything()}`, [
      "x-ms-write: update",
      "range: bytes=0-999999",
      "content-length: 1000000",
    ]);
    expect(received).not.toMatch(/^HTTP\/1.1 2/);
    const sent = Buffer.alloc(200_000, "a");
    const hashed = await sendAndCut(`/${account.name}/wire/partial?comp=range&${everything()}`, [
      "x-ms-write: update",
      "range: bytes=0-999999",
      "content-length: 1000000",
      `content-md5: ${createHash("md5").update(sent).digest("base64")}`,
    ]);
    expect(hashed).not.toMatch(/^HTTP\/1.1 2/);
    expect((await call("HEAD", "wire/partial")).headers["content-length"]).toBe("1000000");
    expect((await readFile(join(folder, "partial"))).equals(Buffer.alloc(1_000_000))).toBe(true);
    const replaced = await sendAndCut(`/${account.name}/wire/ten.txt?${everything()}`, [
      "x-ms-content-length: 1000000",
      "x-ms-type: file",
      "content-length: 1000000",
    ]);
    expect(replaced).not.toMatch(/^HTTP\/1.1 2/);
    expect(await readFile(join(folder, "ten.txt"), "utf8")).toBe("0123456789");
    expect(fixture.logged).toEqual([]);
  });

  it("are requested only if they will be accepted", async () => {
    const expecting = { expect: "100-continue", "content-length": "5", "x-ms-write": "update", range: "bytes=0-4" };
    await share.rootDirectoryClient.getFileClient("continued").create(5);
    expect((await call("PUT", "wire/continued?comp=range", expecting, "abcde")).status).toBe(201);
    expect(await readFile(join(folder, "continued"), "utf8")).toBe("abcde");
    const head = ["expect: 100-continue", "x-ms-write: update", "range: bytes=0-4", "content-length: 5"];
    const start = `PUT /${account.name}/wire/continued?comp=range HTTP/1.1\r\nhost: x`;
    const refused = await exchange(`${[start, ...head].join("\r\n")}\r\n\r\n`);
    expect(refused).toMatch(/^HTTP\/1.1 401 /);
    expect(refused).not.toContain("100 Continue");
  });

  it("longer than 4 MiB are rejected before they are sent", async () => {
    await share.rootDirectoryClient.getFileClient("long").create(5_000_000);
    const head = ["expect: 100-continue", "x-ms-write: update", "range: bytes=0-4999999", "content-length: 5000000"];
    const start = `PUT /${account.name}/wire/long?comp=range&${everything()} HTTP/1.1\r\nhost: x`;
    const refused = await exchange(`${[start, ...head].join("\r\n")}\r\n\r\n`);
    expect(refused).toMatch(/^HTTP\/1.1 413 /);
    expect(refused).toContain("RequestBodyTooLarge");
    expect(refused).not.toContain("100 Continue");
  });

  it("of a new file are written if the client sends them with it", async () => {
    const answer = await call("PUT", "wire/at-once", { "x-ms-content-length": "5", "x-ms-type": "file" }, "12345");
    expect(answer.status).toBe(201);
    expect(await readFile(join(folder, "at-once"), "utf8")).toBe("12345");
    const hash = (text: string): string => createHash("md5").update(text).digest("base64");
    const sized = { "x-ms-content-length": "8", "x-ms-type": "file" };
    const wrong = await call("PUT", "wire/at-once", { ...sized, "content-md5": hash("abcd") }, "abcde");
    expect([wrong.status, wrong.headers["x-ms-error-code"]]).toEqual([400, "Md5Mismatch"]);
    expect(await readFile(join(folder, "at-once"), "utf8")).toBe("12345");
    const right = await call("PUT", "wire/at-once", { ...sized, "content-md5": hash("abcde") }, "abcde");
    expect([right.status, right.headers["content-md5"]]).toEqual([201, hash("abcde")]);
    expect(await readFile(join(folder, "at-once"), "latin1")).toBe("abcde\0\0\0");
  });
});

/** Sends 200,000 bytes of a longer body and disconnects. Returns the response up to then. */
function sendAndCut(path: string, headers: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(fixture.service.endpoint);
    let received = "";
    const socket = connect(Number(port), hostname, () => {
      socket.write(`PUT ${path} HTTP/1.1\r\nhost: x\r\n${headers.join("\r\n")}\r\n\r\n`);
      socket.end(Buffer.alloc(200_000, "a"));
    });
    socket.on("data", (chunk) => (received += chunk.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(received));
  });
}

function exchange(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(fixture.service.endpoint);
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on("data", (chunk) => {
      resolve(chunk.toString());
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
