import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShareClient } from "@azure/storage-file-share";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, rawRequest, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

const seed = 20180501;
const secret = "this text lies outside the share";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("fuzzed");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "fuzzed") ?? "";
  await fixture.client.createShare("neighbour");
  await writeFile(join(folder, "..", "neighbour", "secret.txt"), secret);
  await writeFile(join(fixture.dataDir, "secret.txt"), secret);
});
afterAll(() => fixture.close());

/** Percent-encodes a text. Invalid text gets a replacement character. */
function encode(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

const oddText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("", "..", ".", "...", "a.", " ", "a/b", "\\", "\0", "CON", "NUL.txt", "é", "e\u0301", "İ", "ß", "💾"),
  fc.constantFrom("x".repeat(255), "x".repeat(256), "é".repeat(200), "%2e%2e", "%00", "?", "#", "a:b", "-1", "1e9"),
);
const name = fc.oneof(fc.constantFrom("a", "b", "dir", "DIR", "A"), oddText);
const encoded = name.map(encode);
const rawName = fc.constantFrom("%", "%zz", "..%2f..", "%c0%ae%c0%ae", "..%5c", "%2e%2e", "//", ";", "%u002e", "a%00b");
const path = fc.array(fc.oneof({ weight: 6, arbitrary: encoded }, { weight: 1, arbitrary: rawName }), { maxLength: 4 });

const query = fc.dictionary(
  fc.constantFrom("comp", "restype", "prefix", "marker", "maxresults", "include", "copyid", "timeout", "sharesnapshot"),
  fc.oneof(
    fc.constantFrom("list", "metadata", "properties", "range", "rangelist", "lease", "rename", "copy", "directory"),
    fc.constantFrom("listhandles", "forceclosehandles", "directory", "directory", "symboliclink", "timestamps", "2"),
    oddText,
  ),
  { maxKeys: 3 },
);

const headerValue = fc.oneof(
  fc.constantFrom(
    "0",
    "5",
    "-1",
    "4398046511105",
    "update",
    "clear",
    "now",
    "preserve",
    "source",
    "true",
    "false",
    "*",
  ),
  fc.constantFrom("bytes=0-4", "bytes=0-", "bytes=-1", "bytes=5-1", "bytes=0-99999999999999999", "acquire", "break"),
  fc.constantFrom("ReadOnly", "None", "Hidden | System", "2018-05-01T00:00:00.0000000Z", "+275760-09-13T00:00:00.001Z"),
  fc.constantFrom("O:SYG:SYD:", "1*2", "00000000-0000-0000-0000-000000000000", "file", '"0x8D"', "W/*", "inherit"),
  fc.constantFrom(
    "/fuzzed/a",
    "http://127.0.0.1:1/x",
    "https://testaccount.file.core.windows.net/fuzzed/a",
    "http://[",
  ),
  fc.string({ maxLength: 20 }).map((text) => text.replace(/[^\x20-\x7e]/g, "")),
);
const headers = fc.dictionary(
  fc.constantFrom(
    ...["range", "x-ms-range", "x-ms-write", "x-ms-type", "x-ms-content-length", "x-ms-content-md5", "content-md5"],
    ...["x-ms-file-attributes", "x-ms-file-creation-time", "x-ms-file-last-write-time", "x-ms-file-change-time"],
    ...["x-ms-file-permission", "x-ms-file-permission-key", "x-ms-file-rename-source", "x-ms-copy-source"],
    ...["x-ms-file-rename-replace-if-exists", "x-ms-source-range", "x-ms-lease-id", "x-ms-lease-action", "x-ms-meta-a"],
    ...["x-ms-lease-duration", "x-ms-proposed-lease-id", "x-ms-handle-id", "x-ms-copy-action", "x-ms-version"],
    ...["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "x-ms-allow-trailing-dot"],
  ),
  headerValue,
  { maxKeys: 5 },
);

interface Sent {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Record<string, string>;
  readonly body: string;
}
const noise = fc.record<Sent>({
  method: fc.constantFrom("GET", "HEAD", "PUT", "PUT", "PUT", "DELETE", "POST", "OPTIONS"),
  path,
  query,
  headers,
  body: fc.constantFrom("", "", "abcde"),
});

type Shape = Pick<Sent, "method" | "query" | "headers" | "body">;
const shape = (method: string, parameters = {}, sent: Record<string, string> = {}, body = ""): Shape => ({
  method,
  query: parameters,
  headers: sent,
  body,
});
const source = (): string => `${fixture.service.fileEndpoint(account.name)}/fuzzed/a?${everything()}`;
const shapes = fc.constantFrom<(() => Shape)[]>(
  () => shape("GET"),
  () => shape("HEAD"),
  () => shape("DELETE"),
  () => shape("PUT", {}, { "x-ms-content-length": "5", "x-ms-type": "file" }),
  () => shape("PUT", {}, { "x-ms-content-length": "5", "x-ms-type": "file" }, "abcde"),
  () => shape("PUT", {}, { "x-ms-copy-source": source() }),
  () => shape("PUT", { comp: "range" }, { "x-ms-write": "update", range: "bytes=0-4" }, "abcde"),
  () => shape("PUT", { comp: "range" }, { "x-ms-write": "clear", range: "bytes=0-4" }),
  () =>
    shape(
      "PUT",
      { comp: "range" },
      { "x-ms-write": "update", range: "bytes=0-1", "x-ms-copy-source": source(), "x-ms-source-range": "bytes=0-1" },
    ),
  () => shape("PUT", { comp: "properties" }, { "x-ms-content-length": "9" }),
  () => shape("PUT", { comp: "metadata" }, { "x-ms-meta-a": "b" }),
  () => shape("PUT", { comp: "lease" }, { "x-ms-lease-action": "acquire" }),
  () => shape("PUT", { comp: "lease" }, { "x-ms-lease-action": "break" }),
  () => shape("PUT", { comp: "rename" }, { "x-ms-file-rename-source": source() }),
  () => shape("PUT", { comp: "rename", restype: "directory" }, { "x-ms-file-rename-source": source() }),
  () => shape("GET", { comp: "rangelist" }),
  () => shape("GET", { comp: "listhandles" }),
  () => shape("PUT", { restype: "directory" }),
  () => shape("DELETE", { restype: "directory" }),
  () => shape("GET", { restype: "directory" }),
  () => shape("GET", { restype: "directory", comp: "list", include: "timestamps,etag,attributes,permissionkey" }),
  () => shape("PUT", { restype: "directory", comp: "properties" }),
);
const few = <T>(values: fc.Arbitrary<Record<string, T>>) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<Record<string, T>>({}) },
    { weight: 1, arbitrary: values.map((all) => Object.fromEntries(Object.entries(all).slice(0, 1))) },
  );
const likelyPath = fc.oneof(
  { weight: 3, arbitrary: fc.array(fc.constantFrom("a", "b", "A", "dir"), { minLength: 1, maxLength: 2 }) },
  { weight: 1, arbitrary: path },
);
const nearlyRight = fc
  .tuple(shapes, likelyPath, few(query), few(headers))
  .map(([make, names, parameters, sent]): Sent => {
    const made = make();
    return {
      ...made,
      path: names,
      query: { ...made.query, ...parameters },
      headers: { ...made.headers, ...sent },
    };
  });
const anyRequest = fc.oneof({ weight: 1, arbitrary: noise }, { weight: 3, arbitrary: nearlyRight });

function send({ method, path: names, query: parameters, headers: sent, body }: Sent) {
  const pairs = Object.entries(parameters).map(([key, value]) => `${key}=${encode(value)}&`);
  const address = `/${account.name}/fuzzed/${names.join("/")}?${pairs.join("")}${everything()}`;
  const framed = body === "" ? sent : { ...sent, "content-length": String(body.length) };
  return rawRequest(fixture.service, method, address, framed, body === "" ? undefined : body);
}

describe("any path in a share from a client with all permissions", () => {
  it("gets one of the service's error codes, and reaches nothing outside the share", async () => {
    const outside = async () => (await readdir(join(folder, ".."))).filter((entry) => entry !== "fuzzed").sort();
    const before = await outside();
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(anyRequest, async (sent) => {
        if (sent.method === "DELETE" && sent.query.restype === "share") return;
        const { status, headers: received, body } = await send(sent);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        expect(status === 501 || (status >= 200 && status < 500), `${status} ${JSON.stringify(received)}`).toBe(true);
        if (status >= 400) expect(received["x-ms-error-code"]).toMatch(/^[A-Z][A-Za-z0-9]+$/);
        expect(body).not.toContain(secret);
      }),
      { numRuns: 3000, seed, endOnFailure: true },
    );
    expect(fixture.logged).toEqual([]);
    for (const status of [200, 201, 202, 400, 404, 409])
      expect(statuses.get(status), String(status)).toBeGreaterThan(9);
    expect(await outside()).toEqual(before);
    expect(await readFile(join(fixture.dataDir, "secret.txt"), "utf8")).toBe(secret);
    expect(await readFile(join(folder, "..", "neighbour", "secret.txt"), "utf8")).toBe(secret);
    expect(await share.exists()).toBe(true);
  });
});

describe("any SAS without a valid signature", () => {
  it("grants nothing", async () => {
    const file = share.rootDirectoryClient.getFileClient("private");
    await file.create(1);
    const field = fc.constantFrom("sv", "sr", "sp", "se", "st", "sip", "spr", "ss", "srt", "si", "sig", "ses", "skoid");
    const value = fc.oneof(
      fc.constantFrom(
        "2026-10-06",
        "2015-04-05",
        "9999-12-31",
        "2099-01-01T00:00:00Z",
        "f",
        "s",
        "sco",
        "rwdlc",
        "http",
      ),
      fc.base64String({ maxLength: 44 }),
      oddText,
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(field, value, { minKeys: 1 }), async (fields) => {
        const parameters = Object.entries(fields).map(([key, text]) => `${key}=${encode(text)}`);
        const address = `/${account.name}/fuzzed/private?${parameters.join("&")}`;
        const { status } = await rawRequest(fixture.service, "GET", address);
        expect([400, 401, 403]).toContain(status);
      }),
      { numRuns: 1000, seed, endOnFailure: true },
    );
    expect(fixture.logged).toEqual([]);
  });
});

const fileSize = 5000;
type Change =
  | { readonly kind: "write" | "clear"; readonly start: number; readonly length: number }
  | { readonly kind: "resize"; readonly size: number };
const position = fc.oneof(
  fc.nat(fileSize - 1),
  fc.nat(9).map((page) => page * 512),
);
const length = fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constantFrom(1, 512, 1024, 511, 513));
const anyChange = fc.oneof<fc.Arbitrary<Change>[]>(
  fc.record({ kind: fc.constant("write" as const), start: position, length }),
  fc.record({ kind: fc.constant("clear" as const), start: position, length }),
  fc.record({ kind: fc.constant("resize" as const), size: fc.nat(fileSize) }),
);

/** The expected state of a file: its bytes, and which of its pages were written. */
class Model {
  bytes = Buffer.alloc(fileSize);
  readonly written = new Set<number>();

  apply(change: Change): void {
    if (change.kind === "resize") {
      const next = Buffer.alloc(change.size);
      this.bytes.copy(next);
      this.bytes = next;
      for (const page of this.written) if (page * 512 >= change.size) this.written.delete(page);
      return;
    }
    const end = change.start + change.length;
    this.bytes.fill(change.kind === "write" ? 1 : 0, change.start, end);
    for (let page = Math.floor(change.start / 512); page * 512 < end; page++) {
      const isWhole = page * 512 >= change.start && (page + 1) * 512 <= end;
      if (change.kind === "clear" && isWhole) this.written.delete(page);
      else this.written.add(page);
    }
  }

  ranges(): { start: number; end: number }[] {
    const found: { start: number; end: number }[] = [];
    for (const page of [...this.written].sort((left, right) => left - right)) {
      const last = found.at(-1);
      const end = Math.min(page * 512 + 511, this.bytes.length - 1);
      if (last !== undefined && last.end + 1 === page * 512) last.end = end;
      else found.push({ start: page * 512, end });
    }
    return found;
  }
}

describe("any sequence of writes, clears and resizes", () => {
  it("results in the right bytes and ranges", async () => {
    await mkdir(join(folder, "modelled"), { recursive: true });
    let files = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyChange, { minLength: 1, maxLength: 12 }), async (changes) => {
        const file = share.getDirectoryClient("modelled").getFileClient(`file-${files++}`);
        await file.create(fileSize);
        const model = new Model();
        for (const change of changes) {
          if (change.kind !== "resize" && change.start + change.length > model.bytes.length) continue;
          if (change.kind === "resize") await file.resize(change.size);
          else if (change.kind === "clear") await file.clearRange(change.start, change.length);
          else await file.uploadRange(Buffer.alloc(change.length, 1), change.start, change.length);
          model.apply(change);
        }
        expect((await file.getRangeList()).rangeList).toEqual(model.ranges());
        expect((await readFile(join(folder, file.path))).equals(model.bytes)).toBe(true);
      }),
      { numRuns: 150, seed, endOnFailure: true },
    );
  });

  it("can be read in any ranges", async () => {
    const data = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));
    await share.rootDirectoryClient.getFileClient("read").uploadData(data);
    const number = fc.oneof(fc.nat(1200), fc.constantFrom(0, 999, 1000, 1001, 99999999999999));
    const header = fc.tuple(fc.option(number), fc.option(number)).map(([from, to]) => [from ?? "", to ?? ""] as const);
    await fc.assert(
      fc.asyncProperty(header, async ([from, to]) => {
        const url = `${fixture.service.fileEndpoint(account.name)}/fuzzed/read?${everything()}`;
        const answer = await fetch(url, { headers: { range: `bytes=${from}-${to}` } });
        const start = from === "" ? Math.max(0, 1000 - Number(to)) : from;
        const end = from === "" || to === "" ? 999 : Math.min(to, 999);
        const body = Buffer.from(await answer.arrayBuffer());
        if (from === "" && to === "") expect(answer.status).toBe(400);
        else if (start > end) expect(answer.status).toBe(416);
        else {
          expect([answer.status, answer.headers.get("content-range")]).toEqual([206, `bytes ${start}-${end}/1000`]);
          expect(body.equals(data.subarray(start, end + 1))).toBe(true);
        }
      }),
      { numRuns: 300, seed, endOnFailure: true },
    );
  });
});
