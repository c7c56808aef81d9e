import { expect } from "vitest";
import type { Cases } from "./everyMethod.ts";
import { refusal } from "./support.ts";

const first = "11111111-1111-1111-1111-111111111111";
const second = "22222222-2222-2222-2222-222222222222";

export const leaseCases: Cases = {
  leaseId: async ({ share, file }) => {
    for (const leased of [share, file]) {
      const lease = leased.getShareLeaseClient(first);
      await lease.acquireLease(-1);
      expect(lease.leaseId).toBe(first);
      await lease.changeLease(second);
      expect(lease.leaseId).toBe(second);
    }
  },

  url: async ({ share, file }) => {
    expect(share.getShareLeaseClient().url).toBe(share.url);
    expect(file.getShareLeaseClient().url).toBe(file.url);
  },

  acquireLease: async ({ share, file }) => {
    expect((await share.getShareLeaseClient(first).acquireLease(15)).leaseId).toBe(first);
    expect((await file.getShareLeaseClient(first).acquireLease()).leaseId).toBe(first);
    for (const [leased, duration] of [
      [share, "fixed"],
      [file, "infinite"],
    ] as const) {
      expect(await leased.getProperties()).toMatchObject({
        leaseState: "leased",
        leaseStatus: "locked",
        leaseDuration: duration,
      });
      expect(await refusal(leased.getShareLeaseClient(second).acquireLease(-1))).toMatchObject({
        status: 409,
        code: "LeaseAlreadyPresent",
      });
    }
    expect(await refusal(share.getShareLeaseClient(first).acquireLease(5))).toMatchObject({
      status: 400,
      code: "InvalidHeaderValue",
    });
  },

  changeLease: async ({ share, file }) => {
    for (const leased of [share, file]) {
      await leased.getShareLeaseClient(first).acquireLease(-1);
      expect((await leased.getShareLeaseClient(first).changeLease(second)).leaseId).toBe(second);
      expect(await refusal(leased.getShareLeaseClient(first).releaseLease())).toMatchObject({
        status: 409,
        code: "LeaseIdMismatchWithLeaseOperation",
      });
    }
  },

  releaseLease: async ({ share, file }) => {
    for (const leased of [share, file]) {
      await leased.getShareLeaseClient(first).acquireLease(-1);
      await leased.getShareLeaseClient(first).releaseLease();
      expect((await leased.getProperties()).leaseState).toBe("available");
    }
    await file.delete();
    await share.delete();
  },

  breakLease: async ({ share, file }) => {
    await share.getShareLeaseClient(first).acquireLease(60);
    await file.getShareLeaseClient(first).acquireLease();
    expect((await share.getShareLeaseClient().breakLease()).leaseTimeInSeconds).toBeGreaterThan(50);
    expect((await file.getShareLeaseClient().breakLease()).leaseTimeInSeconds).toBe(0);
    expect((await share.getProperties()).leaseState).toBe("breaking");
    expect((await file.getProperties()).leaseState).toBe("broken");
  },

  // The client (12.33.0) takes shares for files, and asks the service for nothing; docs/files.md says so.
  renewLease: async ({ share, file }) => {
    await share.getShareLeaseClient(first).acquireLease(15);
    await expect(share.getShareLeaseClient(first).renewLease()).rejects.toThrow(
      "The renewLease operation is not available for lease on file.",
    );
    await expect(file.getShareLeaseClient(first).renewLease()).rejects.toThrow(TypeError);
  },
};
