import { ftruncateSync } from "node:fs";
import { statOf } from "../disk/descriptor.ts";
import { removeFile } from "../disk/tree.ts";
import {
  contentHeadersOf,
  contentHeadersRead,
  contentMd5Of,
  fileSizeOf,
  metadataOf,
  smbHeadersRead,
  smbPropertiesOf,
} from "../http/headers.ts";
import { leaseHeader, leaseHeaders } from "../http/leases.ts";
import { contentHeaders, copyHeaders, entryHeaders, metadataHeaders } from "../http/responseHeaders.ts";
import type { FileCopy } from "../records/properties.ts";
import { checkedEntry, refuseReadOnly, withEntry } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { changeProperties, currentHeaders, forgetFile, storeProperties } from "./entryProperties.ts";
import { respond } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";
import { withSmbProperties } from "./smbProperties.ts";
import { fileTarget } from "./target.ts";
import type { Target } from "./target.ts";

function getFileProperties(exchange: Exchange): void {
  const target = fileTarget(exchange, { looksOnly: true });
  const file = checkedEntry(exchange, target.share, target.place.stat);
  exchange.response
    .writeHead(200, {
      ...fileHeaders(exchange, target, file),
      ...contentHeaders(file.stat, file.properties),
      ...exchange.grant.overrides,
      "content-length": String(file.stat.size),
    })
    .end();
}

/** Returns the headers for reads of a file, except the content headers. */
export function fileHeaders(
  { storage }: Exchange,
  { place }: Target,
  { stat, identity, properties, lease }: Entry,
): Record<string, string> {
  const copied = storage.copies.copied(identity);
  const copy = properties.copy === undefined ? undefined : copyNow(properties.copy, copied !== undefined);
  return {
    ...entryHeaders(stat, place.folderId, properties),
    ...metadataHeaders(properties.metadata),
    ...copyHeaders(copy, copied ?? (copy?.status === "success" ? copy.size : 0)),
    ...leaseHeaders(lease),
    "x-ms-type": "File",
    "x-ms-server-encrypted": "false",
  };
}

/** A pending copy that is not in progress was interrupted by the end of the service, so it has failed. */
function copyNow(copy: FileCopy, isUnderWay: boolean): FileCopy {
  if (copy.status !== "pending" || isUnderWay) return copy;
  return { ...copy, status: "failed", description: "The service stopped before the copy was complete." };
}

function getFileMetadata(exchange: Exchange): void {
  const target = fileTarget(exchange, { looksOnly: true });
  const { stat, properties } = checkedEntry(exchange, target.share, target.place.stat);
  respond(exchange, 200, {
    ...entryHeaders(stat, target.place.folderId, properties),
    ...metadataHeaders(properties.metadata),
  });
}

async function setFileMetadata(exchange: Exchange): Promise<void> {
  const metadata = metadataOf(exchange.request);
  await changeProperties(exchange, fileTarget(exchange), (properties) => ({ ...properties, metadata }));
}

async function setFileProperties(exchange: Exchange): Promise<void> {
  const { request } = exchange;
  const size = fileSizeOf(request);
  const asked = contentHeadersOf(request);
  const md5 = contentMd5Of(request);
  const smb = smbPropertiesOf(request);
  const target = fileTarget(exchange);
  const { share } = target;
  await withEntry(exchange, target, size === undefined ? "read" : "write", ({ descriptor, properties }) => {
    if (size !== undefined) {
      refuseReadOnly(properties);
      resize(exchange, descriptor, size);
    }
    const modified = String(statOf(descriptor).mtimeNs);
    const contentMd5 = md5 === undefined ? undefined : { value: md5, modified };
    const changed = { ...withSmbProperties(exchange, share, properties, smb), contentHeaders: asked, contentMd5 };
    storeProperties(exchange, share, descriptor, changed, smb);
    respond(exchange, 200, currentHeaders(exchange, target, descriptor));
  });
}

/** Sets the size of a file. Added bytes are a hole. */
function resize({ storage }: Exchange, descriptor: number, size: number): void {
  const end = storage.written.begin(statOf(descriptor));
  try {
    ftruncateSync(descriptor, size);
  } finally {
    end(statOf(descriptor), {});
  }
}

function deleteFile(exchange: Exchange): void {
  const { share, place } = fileTarget(exchange);
  refuseReadOnly(checkedEntry(exchange, share, place.stat).properties);
  removeFile(place);
  forgetFile(exchange, share, place.stat);
  respond(exchange, 202, {});
}

const onFile = { level: "file", resourceType: "o" } as const;

/** Operations on files as a whole. */
export const fileOperations: readonly StorageOperation[] = [
  { ...onFile, methods: ["HEAD"], permissions: "r", headers: [leaseHeader], run: getFileProperties },
  {
    ...onFile,
    methods: ["GET", "HEAD"],
    comp: "metadata",
    permissions: "r",
    headers: [leaseHeader],
    run: getFileMetadata,
  },
  {
    ...onFile,
    methods: ["PUT"],
    comp: "metadata",
    permissions: "w",
    headers: [leaseHeader],
    takesMetadata: true,
    run: setFileMetadata,
  },
  {
    ...onFile,
    methods: ["PUT"],
    comp: "properties",
    permissions: "w",
    headers: [leaseHeader, "x-ms-content-length", ...contentHeadersRead, ...smbHeadersRead],
    run: setFileProperties,
  },
  { ...onFile, methods: ["DELETE"], permissions: "d", headers: [leaseHeader], run: deleteFile },
];
