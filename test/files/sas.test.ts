import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  FileSASPermissions,
  SASProtocol,
  ShareFileClient,
  ShareSASPermissions,
  ShareServiceClient,
  generateAccountSASQueryParameters,
  generateFileSASQueryParameters,
} from "@azure/storage-file-share";
import type { AccountSASSignatureValues, FileSASSignatureValues, ShareClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, credential, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

const minute = 60_000;
const versions = ["2015-04-05", "2016-05-31", "2018-03-28", "2018-11-09", "2020-12-06", "2022-11-02", "2026-10-06"];

let fixture: Fixture;
let share: ShareClient;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("granted");
  await share.create();
  await share.createDirectory("dir");
  await share.getDirectoryClient("dir").getFileClient("a b.txt").uploadData(Buffer.from("secret text"));
  await share.rootDirectoryClient.getFileClient("other.txt").uploadData(Buffer.from("other text"));
});
afterAll(() => fixture.close());

function later(milliseconds: number): Date {
  return new Date(Date.now() + milliseconds);
}

function fileSas(values: Partial<FileSASSignatureValues> = {}): string {
  const defaults = { shareName: "granted", filePath: "dir/a b.txt", expiresOn: later(10 * minute) };
  const permissions = FileSASPermissions.parse("r");
  return generateFileSASQueryParameters({ ...defaults, permissions, ...values }, credential).toString();
}

function shareSas(permissions: string, values: Partial<FileSASSignatureValues> = {}): string {
  const defaults = { shareName: "granted", expiresOn: later(10 * minute) };
  const parsed = ShareSASPermissions.parse(permissions);
  return generateFileSASQueryParameters({ ...defaults, permissions: parsed, ...values }, credential).toString();
}

function accountSas(permissions: string, types: string, values: Partial<AccountSASSignatureValues> = {}): string {
  const parsed = {
    permissions: AccountSASPermissions.parse(permissions),
    resourceTypes: AccountSASResourceTypes.parse(types).toString(),
    services: AccountSASServices.parse("f").toString(),
    expiresOn: later(10 * minute),
  };
  return generateAccountSASQueryParameters({ ...parsed, ...values }, credential).toString();
}

async function get(path: string, sas: string): Promise<[number, string | undefined]> {
  const joint = path.includes("?") ? "&" : "?";
  const answer = await rawRequest(fixture.service, "GET", `/${account.name}/${path}${joint}${sas}`);
  return [answer.status, answer.status === 200 ? answer.body : String(answer.headers["x-ms-error-code"])];
}

function serviceWith(sas: string): ShareServiceClient {
  return new ShareServiceClient(`${fixture.service.fileEndpoint(account.name)}?${sas}`, undefined, {
    retryOptions: { maxTries: 1 },
  });
}

describe("a service SAS for one file", () => {
  it.each(versions)("made by the official client for version %s reads that file", async (version) => {
    expect(await get("granted/dir/a%20b.txt", fileSas({ version }))).toEqual([200, "secret text"]);
  });

  it("reads nothing else", async () => {
    expect(await get("granted/other.txt", fileSas())).toEqual([403, "AuthenticationFailed"]);
    expect(await get("granted/dir?restype=directory&comp=list", fileSas())).toEqual([403, "AuthenticationFailed"]);
    expect(await get("granted?restype=share", fileSas())).toEqual([403, "AuthenticationFailed"]);
    const asDirectory = "granted/dir/a%20b.txt?restype=directory&comp=list";
    expect(await get(asDirectory, fileSas())).toEqual([403, "AuthorizationResourceTypeMismatch"]);
  });

  it("is valid from its start to its end, to the second", async () => {
    const file = "granted/dir/a%20b.txt";
    expect(await get(file, fileSas({ expiresOn: later(-1000) }))).toEqual([403, "AuthenticationFailed"]);
    expect(await get(file, fileSas({ startsOn: later(minute) }))).toEqual([403, "AuthenticationFailed"]);
    const now = fileSas({ startsOn: later(-minute), expiresOn: later(5000) });
    expect(await get(file, now)).toEqual([200, "secret text"]);
  });

  it("grants its permissions and no others", async () => {
    const at = (sas: string): ShareFileClient =>
      new ShareFileClient(`${fixture.service.fileEndpoint(account.name)}/granted/dir/a%20b.txt?${sas}`, undefined);
    const writer = at(fileSas({ permissions: FileSASPermissions.parse("w") }));
    await writer.uploadData(Buffer.from("secret text"));
    expect(await refusal(writer.downloadToBuffer())).toMatchObject({ code: "AuthorizationPermissionMismatch" });
    expect(await refusal(writer.delete())).toMatchObject({ status: 403 });
    const reader = at(fileSas());
    for (const attempt of [
      () => reader.create(1),
      () => reader.uploadRange("x", 0, 1),
      () => reader.clearRange(0, 1),
      () => reader.setMetadata({ a: "b" }),
      () => reader.setHttpHeaders({}),
      () => reader.delete(),
    ]) {
      expect(await refusal(attempt())).toMatchObject({ status: 403, code: "AuthorizationPermissionMismatch" });
    }
    expect((await reader.downloadToBuffer()).toString()).toBe("secret text");
  });

  it("creates but does not replace files with only the create permission", async () => {
    const permissions = FileSASPermissions.parse("c");
    const at = (path: string): ShareFileClient => {
      const sas = fileSas({ filePath: path, permissions });
      return new ShareFileClient(`${fixture.service.fileEndpoint(account.name)}/granted/${path}?${sas}`, undefined);
    };
    await at("fresh.txt").create(1);
    expect(await refusal(at("fresh.txt").create(2))).toMatchObject({ status: 403 });
    expect(await refusal(at("other.txt").create(0))).toMatchObject({ status: 403 });
  });

  it("is not valid if any of its fields is changed", async () => {
    const ipRange = { start: "127.0.0.1" };
    const sas = fileSas({ startsOn: later(-minute), ipRange, protocol: SASProtocol.HttpsAndHttp });
    expect(await get("granted/dir/a%20b.txt", sas)).toEqual([200, "secret text"]);
    const changed: Record<string, string> = {
      sp: "rwdc",
      se: later(60 * minute)
        .toISOString()
        .replace(/\.\d+Z/, "Z"),
      st: "2015-01-01T00:00:00Z",
      sip: "0.0.0.0-255.255.255.255",
      spr: "http",
      sv: "2018-11-09",
      sr: "s",
      si: "policy",
      rscd: "attachment",
      sig: "AAAA",
    };
    for (const [name, value] of Object.entries(changed)) {
      const query = new URLSearchParams(sas);
      query.set(name, value);
      const [status] = await get("granted/dir/a%20b.txt", query.toString().replaceAll("+", "%20"));
      expect([name, status]).toEqual([name, 403]);
      if (["st", "sip", "spr"].includes(name)) {
        query.delete(name);
        expect([name, (await get("granted/dir/a%20b.txt", query.toString()))[0]]).toEqual([name, 403]);
      }
    }
    expect((await get("granted/dir/a%20b.txt", `${sas}&sig=AAAA`))[0]).toBe(400);
  });

  it("is valid only for its addresses and protocols", async () => {
    const file = "granted/dir/a%20b.txt";
    expect(await get(file, fileSas({ ipRange: { start: "10.0.0.1", end: "10.0.0.9" } }))).toEqual([
      403,
      "AuthorizationSourceIPMismatch",
    ]);
    expect((await get(file, fileSas({ ipRange: { start: "127.0.0.0", end: "127.0.0.255" } })))[0]).toBe(200);
    expect(await get(file, fileSas({ protocol: SASProtocol.Https }))).toEqual([403, "AuthorizationProtocolMismatch"]);
  });

  it("is not valid with a stored access policy that does not exist", async () => {
    const sas = fileSas({ identifier: "policy" });
    expect(await get("granted/dir/a%20b.txt", sas)).toEqual([403, "AuthenticationFailed"]);
  });

  it("sets the response headers that its signer chose", async () => {
    const sas = fileSas({ contentType: "text/html", contentDisposition: "attachment; filename=x" });
    const answer = await rawRequest(fixture.service, "GET", `/${account.name}/granted/dir/a%20b.txt?${sas}`);
    expect(answer.headers).toMatchObject({
      "content-type": "text/html",
      "content-disposition": "attachment; filename=x",
      "x-ms-version": "2026-10-06",
    });
    const file = "granted/dir/a%20b.txt";
    const inKanji = await get(file, fileSas({ contentDisposition: 'attachment; filename="日本.txt"' }));
    expect(inKanji[0]).toBe(200);
    expect(await get(file, fileSas({ contentDisposition: "a\r\nset-cookie: b" }))).toEqual([
      400,
      "InvalidQueryParameterValue",
    ]);
  });
});

describe("a service SAS for a share", () => {
  it("covers files and directories, by permission", async () => {
    const granted = serviceWith(shareSas("rcwdl")).getShareClient("granted");
    await granted.createDirectory("made");
    await granted.getDirectoryClient("made").getFileClient("file").uploadData(Buffer.from("1"));
    const names = [];
    for await (const entry of granted.getDirectoryClient("made").listFilesAndDirectories()) names.push(entry.name);
    expect(names).toEqual(["file"]);
    await granted.getDirectoryClient("made").deleteFile("file");
    await granted.deleteDirectory("made");
    const reader = serviceWith(shareSas("r")).getShareClient("granted");
    const other = reader.rootDirectoryClient.getFileClient("other.txt");
    expect((await other.downloadToBuffer()).toString()).toBe("other text");
    expect(await refusal(reader.rootDirectoryClient.listFilesAndDirectories().next())).toMatchObject({ status: 403 });
    expect(await refusal(reader.createDirectory("no"))).toMatchObject({ code: "AuthorizationPermissionMismatch" });
  });

  it("never covers the share itself or another one", async () => {
    const granted = serviceWith(shareSas("rcwdl"));
    const own = granted.getShareClient("granted");
    expect(await refusal(own.delete())).toMatchObject({ status: 403, code: "AuthorizationResourceTypeMismatch" });
    expect(await refusal(own.setMetadata({}))).toMatchObject({ status: 403 });
    await fixture.client.createShare("private");
    expect(await refusal(granted.getShareClient("private").createDirectory("x"))).toMatchObject({ status: 403 });
    expect(await refusal(granted.listShares().next())).toMatchObject({ status: 403 });
  });
});

describe("an account SAS", () => {
  it.each(versions)("made by the official client for version %s works", async (version) => {
    const service = serviceWith(accountSas("rl", "sco", { version }));
    const names = [];
    for await (const found of service.listShares()) names.push(found.name);
    expect(names).toContain("granted");
    const file = service.getShareClient("granted").rootDirectoryClient.getFileClient("other.txt");
    expect((await file.downloadToBuffer()).toString()).toBe("other text");
  });

  it("covers its resource types only", async () => {
    const objects = serviceWith(accountSas("rwdlc", "o"));
    expect(await refusal(objects.listShares().next())).toMatchObject({ code: "AuthorizationResourceTypeMismatch" });
    expect(await refusal(objects.createShare("not-by-o"))).toMatchObject({ code: "AuthorizationResourceTypeMismatch" });
    const containers = serviceWith(accountSas("rwdlc", "c"));
    await containers.createShare("by-container");
    await containers.deleteShare("by-container");
    const file = containers.getShareClient("granted").rootDirectoryClient.getFileClient("other.txt");
    expect(await refusal(file.download())).toMatchObject({ code: "AuthorizationResourceTypeMismatch" });
  });

  it("covers its permissions, services and time only", async () => {
    expect(await refusal(serviceWith(accountSas("r", "sco")).createShare("no-c"))).toMatchObject({
      code: "AuthorizationPermissionMismatch",
    });
    const blobs = accountSas("rl", "sco", { services: "b" });
    expect(await get("granted/other.txt", blobs)).toEqual([403, "AuthorizationServiceMismatch"]);
    const expired = accountSas("rl", "sco", { expiresOn: later(-1000) });
    expect(await get("granted/other.txt", expired)).toEqual([403, "AuthenticationFailed"]);
    const [status] = await get("granted/other.txt", accountSas("r", "sco").replace("sp=r", "sp=rwdlc"));
    expect(status).toBe(403);
  });
});
