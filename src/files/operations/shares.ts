import { describeShare, metadataHeaders } from "../description.ts";
import { StorageError } from "../errors.ts";
import { countHeader, metadataOf } from "../headers.ts";
import { cutPage, includes, pageRequestOf } from "../paging.ts";
import type { ShareProperties } from "../properties.ts";
import type { StorageRequest } from "../request.ts";
import type { Share, Storage } from "../storage.ts";
import { toXml } from "../xml.ts";
import { answer, answerXml, shareOf } from "./operation.ts";
import type { Exchange, Operation } from "./operation.ts";

const largestQuota = 102_400;
const neverLeased = { "x-ms-lease-status": "unlocked", "x-ms-lease-state": "available" };

function listShares(exchange: Exchange): void {
  const { request, storage } = exchange;
  const prefix = request.query.get("prefix") ?? "";
  const wanted = pageRequestOf(request);
  const names = storage.shareNames(request.account).filter((name) => name > wanted.after && name.startsWith(prefix));
  const page = cutPage(names, wanted);
  const shares = page.keys.flatMap((shareName) => storage.findShare({ accountName: request.account, shareName }) ?? []);
  const withMetadata = includes(request).has("metadata");
  const xml = toXml("EnumerationResults", {
    $: { ServiceEndpoint: `${exchange.accountUrl}/` },
    Prefix: prefix,
    Marker: request.query.get("marker") ?? "",
    MaxResults: request.query.get("maxresults") ?? "5000",
    Shares: { Share: shares.map((share) => shareItem(share, propertiesOf(storage, share), withMetadata)) },
    NextMarker: page.nextMarker,
  });
  answerXml(exchange, xml);
}

function shareItem(share: Share, properties: ShareProperties, withMetadata: boolean): object {
  const description = describeShare(share, properties);
  return {
    Name: share.shareName,
    Properties: {
      "Last-Modified": description.lastModified,
      Etag: description.etag,
      Quota: description.quota,
      LeaseStatus: "unlocked",
      LeaseState: "available",
      EnabledProtocols: "SMB",
    },
    ...(withMetadata ? { Metadata: Object.fromEntries(properties.metadata ?? []) } : {}),
  };
}

function propertiesOf(storage: Storage, share: Share): ShareProperties {
  return storage.properties.share(share);
}

function createShare(exchange: Exchange): void {
  const { request, storage } = exchange;
  const properties = { quota: quotaOf(request), metadata: metadataOf(request) };
  const share = storage.createShare({ accountName: request.account, shareName: request.share ?? "" });
  storage.properties.setShare(share, properties);
  answer(exchange, 201, shareHeaders(storage, share));
}

function quotaOf(request: StorageRequest): number | undefined {
  const protocols = request.header("x-ms-enabled-protocols") ?? "SMB";
  if (protocols !== "SMB") throw new StorageError("UnsupportedHeader", { subject: "x-ms-enabled-protocols" });
  const quota = countHeader(request, "x-ms-share-quota");
  if (quota !== undefined && (quota < 1 || quota > largestQuota)) {
    throw new StorageError("OutOfRangeInput", { subject: "x-ms-share-quota" });
  }
  return quota;
}

function shareHeaders(storage: Storage, share: Share): Record<string, string> {
  const { etag, lastModified, quota } = describeShare(share, propertiesOf(storage, share));
  return { etag, "last-modified": lastModified, "x-ms-share-quota": quota };
}

function getShareProperties(exchange: Exchange): void {
  const share = shareOf(exchange);
  const properties = propertiesOf(exchange.storage, share);
  answer(exchange, 200, {
    ...shareHeaders(exchange.storage, share),
    ...neverLeased,
    "x-ms-enabled-protocols": "SMB",
    ...metadataHeaders(properties.metadata),
  });
}

function setShareProperties(exchange: Exchange): void {
  const quota = quotaOf(exchange.request);
  changeShare(exchange, (properties) => ({ ...properties, ...(quota === undefined ? {} : { quota }) }));
}

function setShareMetadata(exchange: Exchange): void {
  const metadata = metadataOf(exchange.request);
  changeShare(exchange, (properties) => ({ ...properties, metadata }));
}

function changeShare(exchange: Exchange, change: (properties: ShareProperties) => ShareProperties): void {
  const { storage } = exchange;
  const share = shareOf(exchange);
  storage.properties.setShare(share, change(propertiesOf(storage, share)));
  answer(exchange, 200, shareHeaders(storage, share));
}

async function deleteShare(exchange: Exchange): Promise<void> {
  await exchange.storage.deleteShare(shareOf(exchange));
  answer(exchange, 202, {});
}

const onShare = { level: "share", resourceType: "c" } as const;

/** Operations on an account's list of shares and on shares as a whole. */
export const shareOperations: readonly Operation[] = [
  { level: "service", resourceType: "s", methods: ["GET"], comp: "list", permissions: "l", run: listShares },
  {
    ...onShare,
    methods: ["PUT"],
    permissions: "cw",
    headers: ["x-ms-share-quota", "x-ms-enabled-protocols"],
    takesMetadata: true,
    run: createShare,
  },
  { ...onShare, methods: ["GET", "HEAD"], permissions: "r", run: getShareProperties },
  { ...onShare, methods: ["GET", "HEAD"], comp: "metadata", permissions: "r", run: getShareProperties },
  { ...onShare, methods: ["PUT"], comp: "metadata", permissions: "w", takesMetadata: true, run: setShareMetadata },
  {
    ...onShare,
    methods: ["PUT"],
    comp: "properties",
    permissions: "w",
    headers: ["x-ms-share-quota"],
    run: setShareProperties,
  },
  { ...onShare, methods: ["DELETE"], permissions: "d", headers: ["x-ms-delete-snapshots"], run: deleteShare },
];
