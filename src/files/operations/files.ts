import { fstatSync, ftruncateSync } from "node:fs";
import { removeFile, requireFile } from "../disk/tree.ts";
import type { FoundPlace, LocateOptions } from "../disk/tree.ts";
import { StorageError } from "../errors.ts";
import {
  contentHeadersOf,
  contentHeadersRead,
  contentMd5Of,
  countHeader,
  metadataOf,
  smbHeadersRead,
  smbPropertiesOf,
} from "../http/headers.ts";
import { leaseHeaders } from "../http/leases.ts";
import type { StorageRequest } from "../http/request.ts";
import { contentHeaders, copyHeaders, metadataHeaders } from "../http/responseHeaders.ts";
import type { FileCopy } from "../records/properties.ts";
import {
  changeProperties,
  checkedKnown,
  currentHeaders,
  entryHeaders,
  forget,
  leaseHeader,
  refuseReadOnly,
  store,
  targetOf,
  withEntry,
  withSmb,
} from "./entries.ts";
import type { Known, Target } from "./entries.ts";
import { answer } from "./operation.ts";
import type { Exchange, Operation } from "./operation.ts";

/** 4 TiB, the largest file of Azure Files. */
const largestFile = 4 * 1024 ** 4;

/** Size that a request gives a file, or undefined when it does not. */
export function fileSizeOf(request: StorageRequest): number | undefined {
  const header = "x-ms-content-length";
  const size = countHeader(request, header);
  if (size !== undefined && size > largestFile) throw new StorageError("OutOfRangeInput", { subject: header });
  return size;
}

function getFileProperties(exchange: Exchange): void {
  const target = fileTarget(exchange, { looksOnly: true });
  const file = checkedKnown(exchange, target.share, target.place.stat);
  exchange.response
    .writeHead(200, {
      ...fileHeaders(exchange, target, file),
      ...contentHeaders(file.stat, file.properties),
      ...exchange.grant.overrides,
      "content-length": String(file.stat.size),
    })
    .end();
}

/** Headers that reads of a file answer besides those of its content. */
export function fileHeaders(
  { storage }: Exchange,
  { place }: Target,
  { stat, identity, properties, lease }: Known,
): Record<string, string> {
  const copied = storage.copies.copied(identity);
  const copy = properties.copy === undefined ? undefined : copyNow(properties.copy, copied !== undefined);
  return {
    ...entryHeaders(place, stat, properties),
    ...metadataHeaders(properties.metadata),
    ...copyHeaders(copy, copied ?? (copy?.status === "success" ? copy.size : 0)),
    ...leaseHeaders(lease),
    "x-ms-type": "File",
    "x-ms-server-encrypted": "false",
  };
}

/** A copy that nobody works on any more, because the service was ended meanwhile, has failed. */
function copyNow(copy: FileCopy, isUnderWay: boolean): FileCopy {
  if (copy.status !== "pending" || isUnderWay) return copy;
  return { ...copy, status: "failed", description: "The service was ended before the copy was complete." };
}

function getFileMetadata(exchange: Exchange): void {
  const target = fileTarget(exchange, { looksOnly: true });
  const { stat, properties } = checkedKnown(exchange, target.share, target.place.stat);
  answer(exchange, 200, { ...entryHeaders(target.place, stat, properties), ...metadataHeaders(properties.metadata) });
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
    const modified = String(fstatSync(descriptor, { bigint: true }).mtimeNs);
    const contentMd5 = md5 === undefined ? undefined : { value: md5, modified };
    const changed = { ...withSmb(exchange, share, properties, smb), contentHeaders: asked, contentMd5 };
    store(exchange, share, descriptor, changed, smb);
    answer(exchange, 200, currentHeaders(exchange, target, descriptor));
  });
}

/** What a file gains is a hole. */
function resize({ storage }: Exchange, descriptor: number, size: number): void {
  const end = storage.written.begin(fstatSync(descriptor, { bigint: true }));
  try {
    ftruncateSync(descriptor, size);
  } finally {
    end(fstatSync(descriptor, { bigint: true }), {});
  }
}

/** The file that the request addresses. Throws when there is none. */
export function fileTarget(exchange: Exchange, options?: Pick<LocateOptions, "looksOnly">): FileTarget {
  const { share, place } = targetOf(exchange, options);
  return { share, place: requireFile(place) };
}

type FileTarget = Target & { readonly place: FoundPlace };

function deleteFile(exchange: Exchange): void {
  const { share, place } = fileTarget(exchange);
  refuseReadOnly(checkedKnown(exchange, share, place.stat).properties);
  removeFile(place);
  forget(exchange, share, place.stat);
  answer(exchange, 202, {});
}

const onFile = { level: "file", resourceType: "o" } as const;

/** Operations on files as a whole. */
export const fileOperations: readonly Operation[] = [
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
