import { readdir } from "node:fs/promises";
import { ShareClient, ShareSASPermissions } from "@azure/storage-file-share";
import { expect } from "vitest";
import { all, answerTo, delegationKey, expectStringToSign, soon } from "./everyMethod.ts";
import type { Cases } from "./everyMethod.ts";
import { account, refusal } from "./support.ts";

const sddl = "O:S-1-5-32-544G:S-1-5-21-1004336348-1177238915-682003330-512D:(A;;GA;;;BA)";

export const shareCases: Cases = {
  name: async ({ share }) => {
    expect(share.name).toMatch(/^world-\d+$/);
  },

  withSnapshot: async ({ share, file }) => {
    const { snapshot = "" } = await share.createSnapshot();
    await file.uploadData(Buffer.from("changed"));
    const then = share.withSnapshot(snapshot).getDirectoryClient("dir").getFileClient("file.txt");
    expect((await then.downloadToBuffer()).toString()).toBe("0123456789");
    expect((await share.withSnapshot("").getProperties()).etag).toBe((await share.getProperties()).etag);
    expect(await refusal(share.withSnapshot("2020-01-01T00:00:00.0000000Z").getProperties())).toMatchObject({
      status: 404,
      code: "ShareSnapshotNotFound",
    });
  },

  create: async ({ service, share }) => {
    const made = service.getShareClient(`${share.name}-made`);
    await made.create({ quota: 1, accessTier: "Cool", metadata: { mixedCase: "Value" } });
    expect(await made.getProperties()).toMatchObject({
      quota: 1,
      accessTier: "Cool",
      metadata: { mixedcase: "Value" },
    });
    expect(await refusal(made.create())).toMatchObject({ status: 409, code: "ShareAlreadyExists" });
    const nfs = service.getShareClient(`${share.name}-nfs`).create({ protocols: { nfsEnabled: true } });
    expect(await refusal(nfs)).toMatchObject({ status: 400, code: "UnsupportedHeader" });
  },

  createIfNotExists: async ({ service, share }) => {
    expect(await share.createIfNotExists()).toMatchObject({ succeeded: false, errorCode: "ShareAlreadyExists" });
    expect(await service.getShareClient(`${share.name}-new`).createIfNotExists()).toMatchObject({ succeeded: true });
  },

  getDirectoryClient: async ({ share }) => {
    expect(await share.getDirectoryClient("dir").exists()).toBe(true);
    expect(await share.getDirectoryClient("absent").exists()).toBe(false);
  },

  rootDirectoryClient: async ({ share }) => {
    expect((await all(share.rootDirectoryClient.listFilesAndDirectories())).map(({ name }) => name)).toEqual(["dir"]);
  },

  createDirectory: async (world) => {
    const { directoryClient } = await world.share.createDirectory("made", { metadata: { a: "1" } });
    expect((await directoryClient.getProperties()).metadata).toEqual({ a: "1" });
    expect(await readdir(world.folder)).toContain("made");
    expect(await refusal(world.share.createDirectory("a/b"))).toMatchObject({ status: 404, code: "ParentNotFound" });
  },

  deleteDirectory: async ({ share }) => {
    expect(await refusal(share.deleteDirectory("dir"))).toMatchObject({ status: 409, code: "DirectoryNotEmpty" });
    await share.createDirectory("empty");
    await share.deleteDirectory("empty");
    expect(await refusal(share.deleteDirectory("empty"))).toMatchObject({ status: 404, code: "ResourceNotFound" });
  },

  createFile: async (world) => {
    const { fileClient } = await world.share.createFile("made.bin", 1024);
    expect((await fileClient.getProperties()).contentLength).toBe(1024);
    expect(await readdir(world.folder)).toContain("made.bin");
  },

  deleteFile: async ({ share }) => {
    await share.createFile("made.bin", 1);
    await share.deleteFile("made.bin");
    expect(await refusal(share.deleteFile("made.bin"))).toMatchObject({ status: 404, code: "ResourceNotFound" });
  },

  exists: async ({ service, share }) => {
    expect(await share.exists()).toBe(true);
    expect(await service.getShareClient("absent").exists()).toBe(false);
  },

  getProperties: async ({ share }) => {
    expect(await share.getProperties()).toMatchObject({
      quota: 5120,
      leaseState: "available",
      leaseStatus: "unlocked",
      protocols: { smbEnabled: true },
      etag: expect.any(String) as string,
      lastModified: expect.any(Date) as Date,
    });
  },

  delete: async ({ share }) => {
    await share.createSnapshot();
    expect(await refusal(share.delete())).toMatchObject({ status: 409, code: "ShareHasSnapshots" });
    await share.delete({ deleteSnapshots: "include" });
    expect(await share.exists()).toBe(false);
  },

  deleteIfExists: async ({ share }) => {
    expect(await share.deleteIfExists()).toMatchObject({ succeeded: true });
    expect(await share.deleteIfExists()).toMatchObject({ succeeded: false, errorCode: "ShareNotFound" });
  },

  setMetadata: async ({ share }) => {
    await share.setMetadata({ one: "1", two: "2" });
    expect((await share.getProperties()).metadata).toEqual({ one: "1", two: "2" });
    await share.setMetadata();
    expect((await share.getProperties()).metadata).toEqual({});
    const leaseAccessConditions = { leaseId: "11111111-1111-1111-1111-111111111111" };
    expect(await refusal(share.setMetadata({}, { leaseAccessConditions }))).toMatchObject({
      status: 412,
      code: "LeaseNotPresentWithContainerOperation",
    });
  },

  getAccessPolicy: async ({ share }) => {
    expect((await share.getAccessPolicy()).signedIdentifiers).toEqual([]);
  },

  setAccessPolicy: async ({ share, file }) => {
    const accessPolicy = { startsOn: new Date("2024-01-01"), expiresOn: new Date("2099-01-01"), permissions: "r" };
    await share.setAccessPolicy([{ id: "readers", accessPolicy }]);
    expect((await share.getAccessPolicy()).signedIdentifiers).toEqual([{ id: "readers", accessPolicy }]);
    const url = file.generateSasUrl({ identifier: "readers" });
    expect((await answerTo(url))[0]).toBe(200);
    await share.setAccessPolicy([]);
    expect(await answerTo(url)).toEqual([403, "AuthenticationFailed"]);
  },

  createSnapshot: async ({ share, file }) => {
    const { snapshot = "", etag } = await share.createSnapshot({ metadata: { taken: "yes" } });
    expect(snapshot).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{7}Z$/);
    const then = share.withSnapshot(snapshot);
    expect(await then.getProperties()).toMatchObject({ metadata: { taken: "yes" }, etag });
    expect(await refusal(then.getDirectoryClient("dir").getFileClient("file.txt").delete())).toMatchObject({
      status: 409,
      code: "ShareSnapshotOperationNotSupported",
    });
    expect(await file.exists()).toBe(true);
    await then.delete();
    expect(await then.exists()).toBe(false);
  },

  setQuota: async ({ share }) => {
    await share.setQuota(77);
    expect((await share.getProperties()).quota).toBe(77);
    expect(await refusal(share.setQuota(0))).toMatchObject({ status: 400 });
  },

  setProperties: async ({ share }) => {
    await share.setProperties({ accessTier: "Cool", quotaInGB: 9 });
    expect(await share.getProperties()).toMatchObject({ accessTier: "Cool", quota: 9 });
    for (const options of [
      { rootSquash: "NoRootSquash" as const },
      { enableSnapshotVirtualDirectoryAccess: true },
      { paidBurstingEnabled: true },
      { shareProvisionedIops: 3000 },
      { enableSmbDirectoryLease: true },
    ]) {
      expect(await refusal(share.setProperties(options)), JSON.stringify(options)).toMatchObject({
        status: 400,
        code: "UnsupportedHeader",
      });
    }
  },

  getStatistics: async ({ share, file }) => {
    expect(await share.getStatistics()).toMatchObject({ shareUsageBytes: 10, shareUsage: 1 });
    await file.resize(1000);
    expect((await share.getStatistics()).shareUsageBytes).toBe(1000);
  },

  createPermission: async ({ share }) => {
    const { filePermissionKey = "" } = await share.createPermission(sddl);
    expect(filePermissionKey).toMatch(/^\d+\*\d+$/);
    expect((await share.createPermission({ permission: sddl, format: "Sddl" })).filePermissionKey).toBe(
      filePermissionKey,
    );
    const { fileClient } = await share.createFile("with", 1, { filePermissionKey });
    expect((await fileClient.getProperties()).filePermissionKey).toBe(filePermissionKey);
    expect(await refusal(share.createPermission({ permission: "AQAU", format: "Binary" }))).toMatchObject({
      status: 400,
      code: "FileInvalidPermission",
    });
  },

  getPermission: async ({ share }) => {
    const { filePermissionKey = "" } = await share.createPermission(sddl);
    expect((await share.getPermission(filePermissionKey)).permission).toBe(sddl);
    expect(await refusal(share.getPermission("1*1"))).toMatchObject({ code: "FileInvalidPermissionKey" });
    const binary = share.getPermission(filePermissionKey, { filePermissionFormat: "Binary" });
    expect(await refusal(binary)).toMatchObject({ status: 400, code: "InvalidHeaderValue" });
  },

  getShareLeaseClient: async ({ share }) => {
    await share.getShareLeaseClient().acquireLease(-1);
    expect(await refusal(share.delete())).toMatchObject({ status: 412, code: "LeaseIdMissing" });
  },

  generateSasUrl: async ({ share }) => {
    const url = share.generateSasUrl({ permissions: ShareSASPermissions.parse("rcl"), expiresOn: soon() });
    const reader = new ShareClient(url);
    const root = reader.rootDirectoryClient;
    expect((await all(root.listFilesAndDirectories())).map(({ name }) => name)).toEqual(["dir"]);
    expect((await root.getFileClient("dir/file.txt").downloadToBuffer()).toString()).toBe("0123456789");
    expect(await refusal(root.getFileClient("dir/file.txt").delete())).toMatchObject({
      status: 403,
      code: "AuthorizationPermissionMismatch",
    });
    expect(await refusal(reader.getProperties())).toMatchObject({
      status: 403,
      code: "AuthorizationResourceTypeMismatch",
    });
  },

  generateSasStringToSign: async ({ share }) => {
    const text = share.generateSasStringToSign({ permissions: ShareSASPermissions.parse("r"), expiresOn: soon() });
    expectStringToSign(text, "r", `/file/${account.name}/${share.name}`);
  },

  generateUserDelegationSasUrl: async ({ share }) => {
    const options = { permissions: ShareSASPermissions.parse("rl"), expiresOn: soon() };
    const url = share.generateUserDelegationSasUrl(options, delegationKey);
    expect(await answerTo(`${url}&restype=directory&comp=list`)).toEqual([403, "AuthenticationFailed"]);
  },

  generateUserDelegationStringToSign: async ({ share }) => {
    const options = { permissions: ShareSASPermissions.parse("r"), expiresOn: soon() };
    const text = share.generateUserDelegationStringToSign(options, delegationKey);
    expectStringToSign(text, delegationKey.signedObjectId, `/file/${account.name}/${share.name}`);
  },
};
