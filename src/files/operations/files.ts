import { fstatSync, ftruncateSync } from "node:fs";
import { checkConditions } from "../conditions.ts";
import { receiveContent } from "../content.ts";
import { contentHeaders, etagOf, identityOf, metadataHeaders } from "../description.ts";
import { StorageError } from "../errors.ts";
import {
  contentHeadersOf,
  contentHeadersRead,
  contentMd5Of,
  countHeader,
  metadataOf,
  smbHeadersRead,
  smbPropertiesOf,
} from "../headers.ts";
import type { FileProperties } from "../properties.ts";
import type { StorageRequest } from "../request.ts";
import { createFile, openPlace, removeFile, requireFile } from "../tree.ts";
import {
  changeProperties,
  currentHeaders,
  entryHeaders,
  propertiesOf,
  refuseReadOnly,
  setLastWriteTime,
  targetOf,
  withDescriptor,
  withEntry,
  withSmb,
  withoutDefaults,
} from "./entries.ts";
import type { Entry, Target } from "./entries.ts";
import { answer } from "./operation.ts";
import type { Exchange, Operation } from "./operation.ts";

/** 4 TiB, the largest file of Azure Files. */
const largestFile = 4 * 1024 ** 4;

async function createOrReplaceFile(exchange: Exchange): Promise<void> {
  const { request } = exchange;
  const size = fileSizeOf(request);
  if (size === undefined) throw new StorageError("MissingRequiredHeader", { subject: "x-ms-content-length" });
  const asked: FileProperties = { contentHeaders: contentHeadersOf(request), metadata: metadataOf(request) };
  const smb = withoutDefaults(smbPropertiesOf(request));
  const md5 = contentMd5Of(request);
  const target = targetOf(exchange);
  const replacing = checkReplaceable(exchange, target);
  const descriptor = replacing ? openPlace(target.place, "write") : createFile(target.place);
  await withDescriptor(descriptor, async () => {
    ftruncateSync(descriptor, 0);
    ftruncateSync(descriptor, size);
    const length = countHeader(request, "content-length") ?? 0;
    if (length > 0) await receiveContent(request, exchange.response, descriptor, bodyRange(length, size));
    setLastWriteTime(descriptor, smb.lastWriteOn ?? "now");
    const born = replacing && smb.createdOn === undefined ? { ...smb, createdOn: new Date() } : smb;
    storeNew(exchange, target, descriptor, withSmb(asked, born), md5);
    answer(exchange, 201, {
      ...currentHeaders(exchange, target, descriptor),
      "x-ms-request-server-encrypted": "false",
    });
  });
}

function fileSizeOf(request: StorageRequest): number | undefined {
  const header = "x-ms-content-length";
  const size = countHeader(request, header);
  if (size !== undefined && size > largestFile) throw new StorageError("OutOfRangeInput", { subject: header });
  return size;
}

/** Whether a file is there that the sender may replace; throws when something is there that cannot be replaced. */
function checkReplaceable(exchange: Exchange, { share, place }: Target): boolean {
  if (place.stat === undefined) {
    checkConditions(exchange.request, undefined);
    return false;
  }
  if (!place.stat.isFile()) throw new StorageError("ResourceTypeMismatch");
  if (!exchange.grant.grants("w")) throw new StorageError("AuthorizationPermissionMismatch");
  const properties = propertiesOf(exchange, share, place.stat);
  checkConditions(exchange.request, etagOf(place.stat, properties));
  refuseReadOnly(properties);
  return true;
}

function bodyRange(length: number, size: number): { start: number; end: number } {
  if (length > size) throw new StorageError("InvalidHeaderValue", { subject: "Content-Length" });
  return { start: 0, end: length - 1 };
}

function storeNew(
  exchange: Exchange,
  target: Target,
  descriptor: number,
  properties: FileProperties,
  md5: string | undefined,
): void {
  const stat = fstatSync(descriptor, { bigint: true });
  const contentMd5 = md5 === undefined ? undefined : { value: md5, modified: String(stat.mtimeNs) };
  exchange.storage.properties.setFile(target.share, identityOf(stat), { ...properties, contentMd5 });
}

async function getFileProperties(exchange: Exchange): Promise<void> {
  const target = fileTarget(exchange);
  await withEntry(exchange, target, "read", (entry) => {
    exchange.response
      .writeHead(200, {
        ...fileHeaders(target, entry),
        ...contentHeaders(entry.stat, entry.properties),
        ...exchange.grant.overrides,
        "content-length": String(entry.stat.size),
      })
      .end();
  });
}

/** Headers that reads of a file answer besides those of its content. */
export function fileHeaders({ place }: Target, { stat, properties }: Entry): Record<string, string> {
  return {
    ...entryHeaders(place, stat, properties),
    ...metadataHeaders(properties.metadata),
    "x-ms-type": "File",
    "x-ms-server-encrypted": "false",
    "x-ms-lease-status": "unlocked",
    "x-ms-lease-state": "available",
  };
}

async function getFileMetadata(exchange: Exchange): Promise<void> {
  const target = fileTarget(exchange);
  await withEntry(exchange, target, "read", ({ stat, properties }) => {
    const headers = entryHeaders(target.place, stat, properties);
    answer(exchange, 200, { ...headers, ...metadataHeaders(properties.metadata) });
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
  await withEntry(exchange, target, size === undefined ? "read" : "write", ({ descriptor, identity, properties }) => {
    if (size !== undefined) {
      refuseReadOnly(properties);
      ftruncateSync(descriptor, size);
    }
    setLastWriteTime(descriptor, smb.lastWriteOn);
    const { mtimeNs } = fstatSync(descriptor, { bigint: true });
    const contentMd5 = md5 === undefined ? undefined : { value: md5, modified: String(mtimeNs) };
    const changed = { ...withSmb(properties, smb), contentHeaders: asked, contentMd5 };
    exchange.storage.properties.setFile(target.share, identity, changed);
    answer(exchange, 200, currentHeaders(exchange, target, descriptor));
  });
}

/** The file that the request addresses. Throws when there is none. */
export function fileTarget(exchange: Exchange): Target {
  const target = targetOf(exchange);
  return { ...target, place: requireFile(target.place) };
}

function deleteFile(exchange: Exchange): void {
  const { share, place } = targetOf(exchange);
  const { stat } = requireFile(place);
  const properties = propertiesOf(exchange, share, stat);
  checkConditions(exchange.request, etagOf(stat, properties));
  refuseReadOnly(properties);
  removeFile(place);
  exchange.storage.properties.forgetFile(share, identityOf(stat));
  answer(exchange, 202, {});
}

const onFile = { level: "file", resourceType: "o" } as const;

/** Operations on files as a whole. */
export const fileOperations: readonly Operation[] = [
  {
    ...onFile,
    methods: ["PUT"],
    permissions: "cw",
    headers: ["x-ms-type", "x-ms-content-length", ...contentHeadersRead, ...smbHeadersRead],
    takesMetadata: true,
    run: createOrReplaceFile,
  },
  { ...onFile, methods: ["HEAD"], permissions: "r", run: getFileProperties },
  { ...onFile, methods: ["GET", "HEAD"], comp: "metadata", permissions: "r", run: getFileMetadata },
  { ...onFile, methods: ["PUT"], comp: "metadata", permissions: "w", takesMetadata: true, run: setFileMetadata },
  {
    ...onFile,
    methods: ["PUT"],
    comp: "properties",
    permissions: "w",
    headers: ["x-ms-content-length", ...contentHeadersRead, ...smbHeadersRead],
    run: setFileProperties,
  },
  { ...onFile, methods: ["DELETE"], permissions: "d", run: deleteFile },
];
