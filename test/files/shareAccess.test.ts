import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  ShareServiceClient,
  generateAccountSASQueryParameters,
  generateFileSASQueryParameters,
} from "@azure/storage-file-share";
import { FileSASPermissions, ShareSASPermissions } from "@azure/storage-file-share";
import type { FileSASSignatureValues, ShareClient, SignedIdentifier } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, credential, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture, RawAnswer } from "./support.ts";

const minute = 60_000;

let fixture: Fixture;
let share: ShareClient;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("guarded");
  await share.create();
  await share.rootDirectoryClient.getFileClient("file.txt").uploadData(Buffer.from("secret text"));
});
afterAll(() => fixture.close());

function policy(id: string, permissions: string | undefined, minutes: number | undefined): SignedIdentifier {
  const expiresOn = minutes === undefined ? undefined : new Date(Date.now() + minutes * minute);
  return { id, accessPolicy: { permissions: permissions ?? "", expiresOn } } as SignedIdentifier;
}

/** Returns a client with a service SAS. The policy supplies the fields that are not given. */
function holderOf(values: Partial<FileSASSignatureValues>): ShareClient {
  const sas = generateFileSASQueryParameters({ shareName: "guarded", ...values }, credential).toString();
  const retryOptions = { maxTries: 1 };
  const url = `${fixture.service.fileEndpoint(account.name)}?${sas}`;
  return new ShareServiceClient(url, undefined, { retryOptions }).getShareClient("guarded");
}

function read(from: ShareClient): Promise<string> {
  return from.rootDirectoryClient
    .getFileClient("file.txt")
    .downloadToBuffer()
    .then((content) => content.toString());
}

function write(to: ShareClient): Promise<unknown> {
  return to.rootDirectoryClient.getFileClient("file.txt").setMetadata({ written: "yes" });
}

describe("the access policy of a share", () => {
  it("is initially empty, stored as sent, and replaced as a whole", async () => {
    expect((await share.getAccessPolicy()).signedIdentifiers).toEqual([]);
    const startsOn = new Date("2026-01-02T03:04:05Z");
    const expiresOn = new Date("2099-01-02T03:04:05Z");
    const { etag: before } = await share.getProperties();
    const { etag } = await share.setAccessPolicy([
      { id: "full", accessPolicy: { permissions: "rcwdl", startsOn, expiresOn } },
      { id: 'bare <&> "quoted"', accessPolicy: { permissions: "r" } } as SignedIdentifier,
    ]);
    expect(etag).not.toBe(before);
    const stored = await share.getAccessPolicy();
    expect(stored.etag).toBe(etag);
    expect(stored.signedIdentifiers).toEqual([
      { id: "full", accessPolicy: { permissions: "rcwdl", startsOn, expiresOn } },
      { id: 'bare <&> "quoted"', accessPolicy: { permissions: "r" } },
    ]);
    await share.setAccessPolicy([policy("only", "r", 1)]);
    expect((await share.getAccessPolicy()).signedIdentifiers.map(({ id }) => id)).toEqual(["only"]);
    await share.setAccessPolicy();
    expect((await share.getAccessPolicy()).signedIdentifiers).toEqual([]);
  });

  it("is rejected if it is malformed", async () => {
    const six = ["a", "b", "c", "d", "e", "f"].map((id) => policy(id, "r", 1));
    for (const policies of [six, [policy("twice", "r", 1), policy("twice", "w", 1)]]) {
      expect(await refusal(share.setAccessPolicy(policies))).toMatchObject({ status: 400, code: "InvalidXmlDocument" });
    }
    for (const wrong of [policy("x".repeat(65), "r", 1), policy("letters", "rz", 1), policy("letters", "rr", 1)]) {
      expect(await refusal(share.setAccessPolicy([wrong]))).toMatchObject({ status: 400, code: "InvalidXmlNodeValue" });
    }
    const path = `/${account.name}/guarded?restype=share&comp=acl&${everything()}`;
    const delegated = await rawRequest(fixture.service, "PUT", path, {}, "");
    expect([delegated.status, delegated.headers["x-ms-error-code"]]).toEqual([403, "AuthorizationPermissionMismatch"]);
  });

  it("is not accessible with any SAS", async () => {
    const sas = generateAccountSASQueryParameters(
      {
        permissions: AccountSASPermissions.parse("rwdlc"),
        resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
        services: AccountSASServices.parse("f").toString(),
        expiresOn: new Date(Date.now() + minute),
      },
      credential,
    ).toString();
    const url = `${fixture.service.fileEndpoint(account.name)}?${sas}`;
    const holder = new ShareServiceClient(url, undefined, { retryOptions: { maxTries: 1 } }).getShareClient("guarded");
    expect(await refusal(holder.getAccessPolicy())).toMatchObject({ status: 403 });
    expect(await refusal(holder.setAccessPolicy([]))).toMatchObject({ status: 403 });
  });
});

describe("a service SAS that names a stored access policy", () => {
  it("grants what the policy says, until it is changed or deleted", async () => {
    const holder = holderOf({ identifier: "team" });
    expect(await refusal(read(holder))).toMatchObject({ status: 403, code: "AuthenticationFailed" });
    await share.setAccessPolicy([policy("team", "rw", 10)]);
    expect(await read(holder)).toBe("secret text");
    await write(holder);
    await share.setAccessPolicy([policy("team", "r", 10)]);
    expect(await read(holder)).toBe("secret text");
    expect(await refusal(write(holder))).toMatchObject({ status: 403, code: "AuthorizationPermissionMismatch" });
    await share.setAccessPolicy([policy("team", "r", -1)]);
    expect(await refusal(read(holder))).toMatchObject({ status: 403, code: "AuthenticationFailed" });
    await share.setAccessPolicy([policy("other", "r", 10)]);
    expect(await refusal(read(holder))).toMatchObject({ status: 403, code: "AuthenticationFailed" });
  });

  it("may set what the policy omits, and nothing else", async () => {
    await share.setAccessPolicy([policy("until", "", 10), policy("letters", "r", undefined)]);
    const expiresOn = new Date(Date.now() + 10 * minute);
    const permissions = ShareSASPermissions.parse("r");
    expect(await read(holderOf({ identifier: "until", permissions }))).toBe("secret text");
    expect(await read(holderOf({ identifier: "letters", expiresOn }))).toBe("secret text");
    const file = { filePath: "file.txt", permissions: FileSASPermissions.parse("r") };
    expect(await read(holderOf({ identifier: "until", ...file }))).toBe("secret text");
    for (const values of [
      { identifier: "until", permissions, expiresOn },
      { identifier: "letters", permissions, expiresOn },
    ]) {
      expect(await refusal(read(holderOf(values)))).toMatchObject({ status: 400, code: "InvalidQueryParameterValue" });
    }
    expect(await refusal(read(holderOf({ identifier: "until" })))).toMatchObject({ status: 403 });
    expect(await refusal(read(holderOf({ identifier: "letters" })))).toMatchObject({ status: 403 });
  });

  it("uses only the policies of its own share", async () => {
    const other = fixture.client.getShareClient("other-share");
    await other.create();
    await other.setAccessPolicy([policy("elsewhere", "r", 10)]);
    expect(await refusal(read(holderOf({ identifier: "elsewhere" })))).toMatchObject({ status: 403 });
  });
});

describe("stored permissions", () => {
  const sddl = "O:S-1-5-21-1-2-3-1001G:S-1-5-21-1-2-3-513D:(A;;FA;;;SY)(A;;FA;;;BA)S:NO_ACCESS_CONTROL";
  const plain = "O:SYG:SYD:P(A;OICI;FA;;;SY)(XA;;FX;;;WD;(a == 1))";

  it("are found by their key", async () => {
    const { filePermissionKey: key = "" } = await share.createPermission(plain);
    expect(key).toMatch(/^\d+\*\d+$/);
    expect((await share.getPermission(key)).permission).toBe(plain);
    expect((await share.createPermission({ permission: plain, format: "Sddl" })).filePermissionKey).toBe(key);
    expect((await share.getPermission(key, { filePermissionFormat: "Sddl" })).permission).toBe(plain);
    const { filePermissionKey: other = "" } = await share.createPermission(sddl);
    expect(other).not.toBe(key);
    expect((await share.getPermission(other)).permission).toBe(sddl);
  });

  it("belong to their share, and can be set on its files", async () => {
    const { filePermissionKey: key = "" } = await share.createPermission(plain);
    const file = share.rootDirectoryClient.getFileClient("permitted.txt");
    await file.create(1, { filePermissionKey: key });
    expect((await file.getProperties()).filePermissionKey).toBe(key);
    const other = fixture.client.getShareClient("other-share");
    expect(await refusal(other.getPermission(key))).toMatchObject({ status: 400, code: "FileInvalidPermissionKey" });
  });

  it("are rejected if they are not valid SDDL", async () => {
    for (const wrong of ["", "nonsense", "O:SYG:SYD:(A;;FA;;;SY", `D:${"(".repeat(5000)}`]) {
      expect(await refusal(share.createPermission(wrong)), wrong.slice(0, 20)).toMatchObject({
        status: 400,
        code: "FileInvalidPermission",
      });
    }
    const binary = share.createPermission({ permission: "AQAUhA==", format: "Binary" });
    expect(await refusal(binary)).toMatchObject({ code: "FileInvalidPermission" });
    const { filePermissionKey: key = "" } = await share.createPermission(plain);
    const asBinary = share.getPermission(key, { filePermissionFormat: "Binary" });
    expect(await refusal(asBinary)).toMatchObject({ code: "InvalidHeaderValue" });
    for (const body of ["", "[]", "{", '{"permission":7}', "null"]) {
      expect((await filePermission("PUT", body)).status, body).toBe(400);
    }
    expect((await filePermission("GET", "")).headers["x-ms-error-code"]).toBe("MissingRequiredHeader");
  });

  function filePermission(method: string, body: string): Promise<RawAnswer> {
    const path = `/${account.name}/guarded?restype=share&comp=filepermission&${everything()}`;
    return rawRequest(fixture.service, method, path, {}, body);
  }
});

describe("the statistics of a share", () => {
  it("count the bytes of all files, including those created on the disk, and nothing outside", async () => {
    const counted = fixture.client.getShareClient("counted");
    await counted.create();
    expect((await counted.getStatistics()).shareUsageBytes).toBe(0);
    await counted.rootDirectoryClient.getFileClient("a.bin").create(1000);
    const folder = join(fixture.dataDir, account.name, "counted");
    await mkdir(join(folder, "deep", "deeper"), { recursive: true });
    await writeFile(join(folder, "deep", "deeper", "b.bin"), "12345");
    await symlink("/usr", join(folder, "deep", "link"));
    const statistics = await counted.getStatistics();
    expect(statistics.shareUsageBytes).toBe(1005);
    expect(statistics.etag).toBe((await counted.getProperties()).etag);
    const missing = fixture.client.getShareClient("missing").getStatistics();
    expect(await refusal(missing)).toMatchObject({ status: 404, code: "ShareNotFound" });
  });
});

describe("the access tier of a share", () => {
  it("is stored and returned", async () => {
    const tiered = fixture.client.getShareClient("tiered");
    await tiered.create({ accessTier: "Hot" });
    expect((await tiered.getProperties()).accessTier).toBe("Hot");
    await tiered.setProperties({ accessTier: "Cool", quotaInGB: 12 });
    const properties = await tiered.getProperties();
    expect(properties).toMatchObject({ accessTier: "Cool", quota: 12 });
    expect(properties.accessTierChangeTime?.getTime()).toBeGreaterThan(Date.now() - minute);
    for await (const item of fixture.client.listShares({ prefix: "tiered" })) {
      expect(item.properties.accessTier).toBe("Cool");
    }
    expect(await refusal(tiered.setProperties({ accessTier: "Premium" }))).toMatchObject({
      code: "InvalidHeaderValue",
    });
  });
});
