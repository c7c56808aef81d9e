import { AccountSASPermissions, ShareServiceClient } from "@azure/storage-file-share";
import { expect } from "vitest";
import { deletedVersion, setRetention } from "./deletedShares.ts";
import { all, answerTo, expectStringToSign, soon } from "./everyMethod.ts";
import type { Cases } from "./everyMethod.ts";
import { account, refusal } from "./support.ts";

export const serviceCases: Cases = {
  getShareClient: async ({ service, share }) => {
    const client = service.getShareClient(share.name);
    expect(client.url).toBe(share.url);
    expect(await client.exists()).toBe(true);
  },

  createShare: async ({ service, share }) => {
    const name = `${share.name}-made`;
    const made = await service.createShare(name, { quota: 8, metadata: { a: "1" }, accessTier: "Hot" });
    expect(made.shareCreateResponse).toMatchObject({ _response: { status: 201 }, etag: expect.any(String) as string });
    expect(await made.shareClient.getProperties()).toMatchObject({ quota: 8, metadata: { a: "1" }, accessTier: "Hot" });
    expect(await refusal(service.createShare(name))).toMatchObject({ status: 409, code: "ShareAlreadyExists" });
    expect(await refusal(service.createShare("No-Share"))).toMatchObject({ status: 400, code: "InvalidResourceName" });
  },

  deleteShare: async ({ service, share }) => {
    await service.deleteShare(share.name);
    expect(await share.exists()).toBe(false);
    expect(await refusal(service.deleteShare(share.name))).toMatchObject({ status: 404, code: "ShareNotFound" });
  },

  getProperties: async ({ service }) => {
    expect(await service.getProperties()).toMatchObject({
      hourMetrics: { version: "1.0", enabled: false },
      minuteMetrics: { version: "1.0", enabled: false },
      protocol: { smb: { multichannel: { enabled: false } } },
    });
  },

  setProperties: async ({ service }) => {
    const rule = {
      allowedOrigins: "https://example.org",
      allowedMethods: "GET,PUT",
      allowedHeaders: "x-ms-*",
      exposedHeaders: "x-ms-*",
      maxAgeInSeconds: 60,
    };
    const hourMetrics = {
      version: "1.0",
      enabled: true,
      includeAPIs: true,
      retentionPolicy: { enabled: true, days: 3 },
    };
    await service.setProperties({ cors: [rule], hourMetrics });
    expect(await service.getProperties()).toMatchObject({ cors: [rule], hourMetrics });
    await service.setProperties({ cors: [], hourMetrics: { version: "1.0", enabled: false } });
    expect((await service.getProperties()).cors).toEqual([]);
  },

  listShares: async ({ service, share }) => {
    await share.setMetadata({ listed: "yes" });
    const { snapshot } = await share.createSnapshot();
    const prefix = share.name;
    const found = await all(service.listShares({ prefix, includeMetadata: true, includeSnapshots: true }));
    const ofThis = found.filter(({ name }) => name === share.name);
    expect(ofThis).toMatchObject([
      { name: share.name, snapshot, metadata: { listed: "yes" } },
      { name: share.name, metadata: { listed: "yes" }, properties: { quota: 5120, leaseState: "available" } },
    ]);
    const pages = await all(service.listShares({ includeSnapshots: true }).byPage({ maxPageSize: 1 }));
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.every(({ shareItems }) => (shareItems ?? []).length <= 1)).toBe(true);
  },

  undeleteShare: async ({ fixture, service, share, file }) => {
    await setRetention(fixture.service, 1);
    await share.delete();
    const version = await deletedVersion(fixture, share.name);
    expect((await service.undeleteShare(share.name, version)).name).toBe(share.name);
    expect((await file.downloadToBuffer()).toString()).toBe("0123456789");
    expect(await refusal(service.undeleteShare(share.name, version))).toMatchObject({ code: "ShareNotFound" });
    await setRetention(fixture.service, 0);
  },

  generateAccountSasUrl: async ({ service, share }) => {
    const url = service.generateAccountSasUrl(soon(), AccountSASPermissions.parse("rl"), "sco");
    const reader = new ShareServiceClient(url);
    expect((await all(reader.listShares({ prefix: share.name }))).map(({ name }) => name)).toContain(share.name);
    expect(await refusal(reader.getShareClient(share.name).delete())).toMatchObject({
      status: 403,
      code: "AuthorizationPermissionMismatch",
    });
    expect(await answerTo(url.replace(/sig=[^&]+/, "sig=AAAA"))).toEqual([403, "AuthenticationFailed"]);
  },

  generateSasStringToSign: async ({ service }) => {
    expectStringToSign(
      service.generateSasStringToSign(soon(), AccountSASPermissions.parse("rl"), "sco"),
      account.name,
      "rl",
      "f",
      "sco",
    );
  },

  getUserDelegationKey: async ({ service }) => {
    expect(await refusal(service.getUserDelegationKey(new Date(), soon()))).toMatchObject({
      status: 501,
      code: "NotImplemented",
    });
  },
};
