import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShareServiceClient } from "@azure/storage-file-share";
import { AccountSASPermissions, ShareServiceClient as Client } from "@azure/storage-file-share";
import { describe, expect, it } from "vitest";
import { withFolder } from "../service/serviceProcess.ts";
import { clockLibrary } from "../clockLibrary.ts";
import { FilesProcess } from "./filesProcess.ts";
import { refusal } from "./support.ts";

const hour = 3_600_000;
const day = 24 * hour;
const first = "11111111-1111-1111-1111-111111111111";

/** An endpoint whose wall clock can be set, and a client that it accepts at any time. */
interface Clocked {
  endpoint: FilesProcess;
  readonly client: () => ShareServiceClient;
  /** Sets the wall clock of the endpoint so far after the true one. */
  readonly set: (differenceInMs: number) => Promise<void>;
  readonly restart: () => Promise<void>;
}

async function withClock(use: (clocked: Clocked) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const clock = join(folder, "clock");
    const variables = {
      LD_PRELOAD: clockLibrary ?? "",
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: "1",
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
    const set = (difference: number): Promise<void> =>
      writeFile(clock, `${difference < 0 ? "" : "+"}${difference / 1000}`);
    const start = (): Promise<FilesProcess> =>
      FilesProcess.start(join(folder, "data"), ["--port", "0", "--share-retention-days", "1"], { variables });
    await set(0);
    const clocked: Clocked = {
      endpoint: await start(),
      client: () => {
        const url = clocked.endpoint
          .client()
          .generateAccountSasUrl(new Date(Date.now() + 10 * day), AccountSASPermissions.parse("rwdlc"), "sco", {
            startsOn: new Date(Date.now() - 10 * day),
          });
        return new Client(url, undefined, { retryOptions: { maxTries: 1 } });
      },
      set,
      restart: async () => {
        await clocked.endpoint.stop();
        clocked.endpoint = await start();
      },
    };
    try {
      await use(clocked);
    } finally {
      await clocked.endpoint.stop();
    }
  });
}

/** Returns the time of the endpoint's wall clock. */
async function clockOf(client: ShareServiceClient): Promise<number> {
  const { headers } = await fetch(`${client.url}&restype=service&comp=properties`);
  return Date.parse(headers.get("date") ?? "");
}

describe.skipIf(clockLibrary === undefined)("the wall clock (needs libfaketime, Debian package faketime)", () => {
  it.each([hour, -hour])("does not change how long a lease lasts when it jumps by %i ms", async (jump) => {
    await withClock(async ({ client, set }) => {
      const share = client().getShareClient("leased");
      await share.create();
      await share.getShareLeaseClient(first).acquireLease(15);
      const start = performance.now();
      await set(jump);
      await expect.poll(() => clockOf(client())).toBeGreaterThan(Date.now() + jump - 60_000);
      await expect.poll(() => clockOf(client())).toBeLessThan(Date.now() + jump + 60_000);
      expect(await refusal(share.delete())).toMatchObject({ status: 412, code: "LeaseIdMissing" });
      await expect
        .poll(async () => (await share.getProperties()).leaseState, { timeout: 25_000, interval: 100 })
        .toBe("expired");
      expect(performance.now() - start).toBeGreaterThan(14_000);
      await share.delete();
    });
  });

  it.each([hour, -hour])("does not change how long a lease breaks when it jumps by %i ms", async (jump) => {
    await withClock(async ({ client, set }) => {
      const share = client().getShareClient("leased");
      await share.create();
      const lease = share.getShareLeaseClient(first);
      await lease.acquireLease(-1);
      await fetch(`${share.url}&restype=share&comp=lease`, {
        method: "PUT",
        headers: { "x-ms-lease-action": "break", "x-ms-lease-break-period": "3" },
      });
      const start = performance.now();
      await set(jump);
      expect((await share.getProperties()).leaseState).toBe("breaking");
      await expect.poll(async () => (await share.getProperties()).leaseState, { timeout: 10_000 }).toBe("broken");
      expect(performance.now() - start).toBeGreaterThan(2000);
    });
  });

  it("never makes a lease last longer than its duration after a restart", async () => {
    await withClock(async (clocked) => {
      const share = clocked.client().getShareClient("leased");
      await share.create();
      await share.getShareLeaseClient(first).acquireLease(60);
      await clocked.set(-hour);
      await clocked.restart();
      const again = clocked.client().getShareClient("leased");
      expect((await again.getProperties()).leaseState).toBe("leased");
      const { headers } = await fetch(`${again.url}&restype=share&comp=lease`, {
        method: "PUT",
        headers: { "x-ms-lease-action": "break" },
      });
      expect(Number(headers.get("x-ms-lease-time"))).toBeLessThanOrEqual(60);
    });
  });

  it("does not end the retention of a deleted share, nor extends it after a restart", async () => {
    await withClock(async (clocked) => {
      await clocked.client().createShare("deleted");
      await clocked.client().deleteShare("deleted");
      const listed = async (): Promise<(number | undefined)[]> => {
        const days: (number | undefined)[] = [];
        for await (const share of clocked.client().listShares({ includeDeleted: true }))
          days.push(share.properties.remainingRetentionDays);
        return days;
      };
      await clocked.set(2 * day);
      expect(await listed()).toEqual([1]);
      await clocked.set(-5 * day);
      await clocked.restart();
      expect(await listed()).toEqual([1]);
    });
  });

  it("is what a write shows as its time", async () => {
    await withClock(async ({ client, set }) => {
      await client().createShare("written");
      const file = client().getShareClient("written").rootDirectoryClient.getFileClient("file");
      await file.create(1);
      for (const jump of [hour, -hour]) {
        await set(jump);
        await file.uploadRange("x", 0, 1);
        const { fileLastWriteOn } = await file.getProperties();
        expect(Math.abs((fileLastWriteOn?.getTime() ?? 0) - Date.now() - jump)).toBeLessThan(60_000);
      }
    });
  });
});
