import { rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { flushNames } from "../../disk/flush.ts";
import { usageOf } from "../../disk/walk.ts";
import { StorageError } from "../../errors.ts";
import { countHeader, invalid, metadataOf } from "../../http/headers.ts";
import { leaseHeaders } from "../../http/leases.ts";
import type { StorageRequest } from "../../http/request.ts";
import { describeShare, metadataHeaders } from "../../http/responseHeaders.ts";
import { toXml } from "../../http/xml.ts";
import type { ShareProperties } from "../../records/properties.ts";
import { httpDate } from "../../times.ts";
import { respond, respondXml } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import type { StorageOperation } from "../operation.ts";
import { changeShare, leasedShareOf, leaseOn, onShare, sharePropertiesOf, shareVersion, waitForDisk } from "./state.ts";

const largestQuota = 102_400;
/** Premium is a kind of account, not a tier of a share. */
const tiers = ["TransactionOptimized", "Hot", "Cool"];

async function createShare(exchange: Exchange): Promise<void> {
  const { request, storage } = exchange;
  const protocols = request.header("x-ms-enabled-protocols") ?? "SMB";
  if (protocols !== "SMB") throw new StorageError("UnsupportedHeader", { subject: "x-ms-enabled-protocols" });
  const properties = { ...askedOf(request), metadata: metadataOf(request) };
  const share = storage.createShare({ accountName: request.account, shareName: request.share ?? "" });
  try {
    storage.properties.setShare(share, properties);
    await flushNames(dirname(share.folder));
  } catch (error) {
    rmdirSync(share.folder);
    throw error;
  }
  const { quota } = describeShare(share, properties);
  respond(exchange, 201, { ...shareVersion(exchange, share), "x-ms-share-quota": quota });
}

/** Returns the properties that the headers of a request set. */
function askedOf(request: StorageRequest): Pick<ShareProperties, "quota" | "tier"> {
  const quota = countHeader(request, "x-ms-share-quota");
  if (quota !== undefined && (quota < 1 || quota > largestQuota)) {
    throw new StorageError("OutOfRangeInput", { subject: "x-ms-share-quota" });
  }
  const name = request.header("x-ms-access-tier");
  if (name !== undefined && !tiers.includes(name)) invalid("x-ms-access-tier");
  return {
    ...(quota === undefined ? {} : { quota }),
    ...(name === undefined ? {} : { tier: { name, changedOn: new Date().toISOString() } }),
  };
}

function getShareProperties(exchange: Exchange): void {
  const share = leasedShareOf(exchange);
  const properties = sharePropertiesOf(exchange, share);
  const { tier } = properties;
  respond(exchange, 200, {
    ...shareVersion(exchange, share),
    ...leaseHeaders(leaseOn(exchange, share)),
    ...metadataHeaders(properties.metadata),
    "x-ms-share-quota": describeShare(share, properties).quota,
    "x-ms-enabled-protocols": "SMB",
    ...(tier === undefined
      ? {}
      : {
          "x-ms-access-tier": tier.name,
          "x-ms-access-tier-change-time": httpDate(Date.parse(tier.changedOn)),
        }),
  });
}

function getShareMetadata(exchange: Exchange): void {
  const share = leasedShareOf(exchange);
  const { metadata } = sharePropertiesOf(exchange, share);
  respond(exchange, 200, { ...shareVersion(exchange, share), ...metadataHeaders(metadata) });
}

function setShareProperties(exchange: Exchange): void {
  const asked = askedOf(exchange.request);
  changeShare(exchange, (properties) => ({ ...properties, ...asked }));
}

function setShareMetadata(exchange: Exchange): void {
  const metadata = metadataOf(exchange.request);
  changeShare(exchange, (properties) => ({ ...properties, metadata }));
}

async function getShareStatistics(exchange: Exchange): Promise<void> {
  const share = leasedShareOf(exchange);
  waitForDisk(exchange);
  const bytes = await usageOf(share.folder);
  respondXml(exchange, toXml("ShareStats", { ShareUsageBytes: String(bytes) }), shareVersion(exchange, share));
}

/** Operations on a share's properties. */
export const shareOperations: readonly StorageOperation[] = [
  {
    ...onShare,
    methods: ["PUT"],
    permissions: "cw",
    headers: ["x-ms-share-quota", "x-ms-access-tier", "x-ms-enabled-protocols"],
    takesMetadata: true,
    run: createShare,
  },
  {
    ...onShare,
    methods: ["GET", "HEAD"],
    permissions: "r",
    headers: ["x-ms-lease-id"],
    takesSnapshot: true,
    run: getShareProperties,
  },
  {
    ...onShare,
    methods: ["GET", "HEAD"],
    comp: "metadata",
    permissions: "r",
    headers: ["x-ms-lease-id"],
    takesSnapshot: true,
    run: getShareMetadata,
  },
  {
    ...onShare,
    methods: ["PUT"],
    comp: "metadata",
    permissions: "w",
    headers: ["x-ms-lease-id"],
    takesMetadata: true,
    run: setShareMetadata,
  },
  {
    ...onShare,
    methods: ["PUT"],
    comp: "properties",
    permissions: "w",
    headers: ["x-ms-share-quota", "x-ms-access-tier", "x-ms-lease-id"],
    run: setShareProperties,
  },
  {
    ...onShare,
    methods: ["GET"],
    comp: "stats",
    permissions: "r",
    headers: ["x-ms-lease-id"],
    run: getShareStatistics,
  },
];
