import type { ShareClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeLease, leaseStateOf } from "../../src/files/http/leases.ts";
import { everything } from "./signedRequest.ts";
import { account, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

const first = "11111111-1111-1111-1111-111111111111";
const second = "22222222-2222-2222-2222-222222222222";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

async function newShare(name: string): Promise<ShareClient> {
  const share = fixture.client.getShareClient(name);
  await share.create();
  return share;
}

function holding(leaseId: string): { leaseAccessConditions: { leaseId: string } } {
  return { leaseAccessConditions: { leaseId } };
}

describe("a lease on a share", () => {
  it("changes from available to leased and broken, and back to available", async () => {
    const share = await newShare("states");
    const lease = share.getShareLeaseClient(first);
    expect(await share.getProperties()).toMatchObject({ leaseState: "available", leaseStatus: "unlocked" });
    expect((await lease.acquireLease(-1)).leaseId).toBe(first);
    expect(await share.getProperties()).toMatchObject({
      leaseState: "leased",
      leaseStatus: "locked",
      leaseDuration: "infinite",
    });
    expect(await renew("states", first)).toEqual([200, first]);
    expect((await lease.changeLease(second)).leaseId).toBe(second);
    expect((await lease.breakLease()).leaseTimeInSeconds).toBe(0);
    expect(await share.getProperties()).toMatchObject({ leaseState: "broken", leaseStatus: "unlocked" });
    await lease.releaseLease();
    const properties = await share.getProperties();
    expect(properties).toMatchObject({ leaseState: "available", leaseStatus: "unlocked" });
    expect(properties.leaseDuration).toBeUndefined();
  });

  it("does not change the ETag, and is shown in the list", async () => {
    const share = await newShare("listed-lease");
    const { etag } = await share.getProperties();
    const lease = share.getShareLeaseClient(first);
    expect((await lease.acquireLease(30)).etag).toBe(etag);
    for await (const item of fixture.client.listShares({ prefix: "listed-lease" })) {
      expect(item.properties).toMatchObject({ leaseState: "leased", leaseStatus: "locked", leaseDuration: "fixed" });
    }
    expect((await lease.releaseLease()).etag).toBe(etag);
  });

  it("prevents others from deleting the share", async () => {
    const share = await newShare("guarded");
    await share.getShareLeaseClient(first).acquireLease(60);
    expect(await refusal(share.delete())).toMatchObject({ status: 412, code: "LeaseIdMissing" });
    expect(await refusal(share.delete(holding(second)))).toMatchObject({
      status: 412,
      code: "LeaseIdMismatchWithContainerOperation",
    });
    expect(await share.exists()).toBe(true);
    await share.delete(holding(first));
    expect(await share.exists()).toBe(false);
    await share.create();
    expect((await share.getProperties()).leaseState).toBe("available");
  });

  it("is required only for a deletion, but a wrong one is rejected everywhere", async () => {
    const share = await newShare("named");
    await share.getShareLeaseClient(first).acquireLease(60);
    await share.setMetadata({ free: "yes" });
    await share.setMetadata({ free: "yes" }, holding(first));
    const attempts = (id: string): (() => Promise<unknown>)[] => [
      () => share.getProperties(holding(id)),
      () => share.setMetadata({ a: "b" }, holding(id)),
      () => share.setQuota(3, holding(id)),
      () => share.getStatistics(holding(id)),
      () => share.getAccessPolicy(holding(id)),
      () => share.setAccessPolicy([], holding(id)),
      () => share.delete(holding(id)),
    ];
    for (const attempt of attempts(second)) {
      expect(await refusal(attempt()), String(attempt)).toMatchObject({
        status: 412,
        code: "LeaseIdMismatchWithContainerOperation",
      });
    }
    await share.getShareLeaseClient(first).releaseLease();
    for (const attempt of attempts(first)) {
      expect(await refusal(attempt()), String(attempt)).toMatchObject({
        status: 412,
        code: "LeaseNotPresentWithContainerOperation",
      });
    }
    expect((await share.getProperties()).metadata).toEqual({ free: "yes" });
  });

  it("can be used by anyone who knows its ID", async () => {
    const share = await newShare("owned");
    const owner = share.getShareLeaseClient(first);
    const other = share.getShareLeaseClient(second);
    expect(await refusal(other.breakLease())).toMatchObject({ code: "LeaseNotPresentWithLeaseOperation" });
    expect(await refusal(other.changeLease(first))).toMatchObject({ code: "LeaseNotPresentWithLeaseOperation" });
    expect(await renew("owned", first)).toEqual([409, "LeaseIdMismatchWithLeaseOperation"]);
    await owner.acquireLease(60);
    await owner.acquireLease(30);
    expect(await refusal(other.acquireLease(30))).toMatchObject({ status: 409, code: "LeaseAlreadyPresent" });
    expect(await refusal(other.releaseLease())).toMatchObject({
      status: 409,
      code: "LeaseIdMismatchWithLeaseOperation",
    });
    expect(await renew("owned", second)).toEqual([409, "LeaseIdMismatchWithLeaseOperation"]);
    expect(await renew("owned", first)).toEqual([200, first]);
    await other.breakLease();
    expect(await refusal(owner.acquireLease(30))).toMatchObject({ code: "LeaseIsBreakingAndCannotBeAcquired" });
    expect(await refusal(owner.changeLease(second))).toMatchObject({ code: "LeaseIsBreakingAndCannotBeChanged" });
    expect(await renew("owned", first)).toEqual([409, "LeaseIsBrokenAndCannotBeRenewed"]);
    expect(await refusal(share.delete())).toMatchObject({ code: "LeaseIdMissing" });
    expect((await share.getProperties()).leaseState).toBe("breaking");
    await share.getShareLeaseClient(first).releaseLease();
    await other.acquireLease(-1);
    expect((await share.getProperties()).leaseState).toBe("leased");
  });

  it("returns how long breaking takes, which is never longer than the lease would last", async () => {
    const share = await newShare("breaking");
    await share.getShareLeaseClient(first).acquireLease(20);
    const remaining = async (period?: number): Promise<number> => {
      const headers = {
        "x-ms-lease-action": "break",
        ...(period === undefined ? {} : { "x-ms-lease-break-period": String(period) }),
      };
      const answer = await leaseRequest("breaking", headers);
      expect(answer.status).toBe(202);
      return Number(answer.headers["x-ms-lease-time"]);
    };
    expect(await remaining(60)).toBeLessThanOrEqual(20);
    expect(await remaining(60)).toBeGreaterThan(10);
    expect(await remaining(5)).toBe(5);
    expect(await remaining()).toBeGreaterThan(2);
    expect(await remaining(0)).toBe(0);
    expect((await share.getProperties()).leaseState).toBe("broken");
  });

  it("is rejected with a duration, ID or action that Azure rejects", async () => {
    await newShare("refused");
    const cases: Record<string, string>[] = [
      { "x-ms-lease-action": "acquire", "x-ms-lease-duration": "14" },
      { "x-ms-lease-action": "acquire", "x-ms-lease-duration": "61" },
      { "x-ms-lease-action": "acquire", "x-ms-lease-duration": "forever" },
      { "x-ms-lease-action": "acquire", "x-ms-lease-duration": "15", "x-ms-proposed-lease-id": "mine" },
      { "x-ms-lease-action": "break", "x-ms-lease-break-period": "61" },
      { "x-ms-lease-action": "borrow" },
    ];
    for (const headers of cases) {
      const answer = await leaseRequest("refused", headers);
      expect([answer.status, answer.headers["x-ms-error-code"]], JSON.stringify(headers)).toEqual([
        400,
        "InvalidHeaderValue",
      ]);
    }
    for (const action of ["", "acquire", "release"]) {
      const headers: Record<string, string> = action === "" ? {} : { "x-ms-lease-action": action };
      expect((await leaseRequest("refused", headers)).headers["x-ms-error-code"]).toBe("MissingRequiredHeader");
    }
  });

  it("accepts a GUID in every spelling, and generates one if none is proposed", async () => {
    await newShare("spelled");
    const acquired = await leaseRequest("spelled", { "x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1" });
    expect(acquired.status).toBe(201);
    const id = String(acquired.headers["x-ms-lease-id"]);
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const spelled = `{${id.toUpperCase()}}`;
    const renewed = await leaseRequest("spelled", { "x-ms-lease-action": "renew", "x-ms-lease-id": spelled });
    expect([renewed.status, renewed.headers["x-ms-lease-id"]]).toEqual([200, id]);
  });

  it("expires", () => {
    const lease = { id: first, duration: 15, endsAt: 15_000 };
    expect(leaseStateOf(lease, 14_999)).toBe("leased");
    expect(leaseStateOf(lease, 15_000)).toBe("expired");
    expect(describeLease(lease, 15_000)).toEqual({ status: "unlocked", state: "expired" });
    expect(leaseStateOf({ ...lease, brokenAt: 10_000 }, 9_999)).toBe("breaking");
    expect(leaseStateOf({ ...lease, brokenAt: 10_000 }, 10_000)).toBe("broken");
  });
});

/** The official client rejects renewing the lease of a share, because it treats it as one on a file. */
async function renew(share: string, id: string): Promise<[number, unknown]> {
  const { status, headers } = await leaseRequest(share, { "x-ms-lease-action": "renew", "x-ms-lease-id": id });
  return [status, status === 200 ? headers["x-ms-lease-id"] : headers["x-ms-error-code"]];
}

function leaseRequest(share: string, headers: Record<string, string>): ReturnType<typeof rawRequest> {
  const path = `/${account.name}/${share}?restype=share&comp=lease&${everything()}`;
  return rawRequest(fixture.service, "PUT", path, headers);
}
