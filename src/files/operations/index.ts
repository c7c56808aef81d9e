import type { ResourceLevel } from "../access/grant.ts";
import { StorageError } from "../errors.ts";
import { isRead } from "../http/request.ts";
import type { StorageRequest } from "../http/request.ts";
import { copyOperations } from "./copyFile.ts";
import { directoryOperations } from "./directories.ts";
import { fileLeaseOperations } from "./fileLeases.ts";
import { fileOperations } from "./files.ts";
import { handleOperations } from "./handles.ts";
import { newFileOperations } from "./newFiles.ts";
import type { StorageOperation } from "./operation.ts";
import { rangeFromUrlOperations } from "./rangeFromUrl.ts";
import { rangeListOperations } from "./rangeLists.ts";
import { rangeOperations } from "./ranges.ts";
import { renameOperations } from "./rename.ts";
import { serviceOperations } from "./service.ts";
import { shareAccessOperations } from "./shares/access.ts";
import { shareLifetimeOperations } from "./shares/lifetime.ts";
import { shareListing } from "./shares/listing.ts";
import { shareOperations } from "./shares/shares.ts";

const operations = new Map<string, StorageOperation>(
  [
    ...serviceOperations,
    shareListing,
    ...shareOperations,
    ...shareAccessOperations,
    ...shareLifetimeOperations,
    ...directoryOperations,
    ...fileOperations,
    ...newFileOperations,
    ...rangeOperations,
    ...rangeFromUrlOperations,
    ...rangeListOperations,
    ...fileLeaseOperations,
    ...handleOperations,
    ...copyOperations,
    ...renameOperations,
  ].flatMap((operation) => operation.methods.map((method) => [operationKey(method, operation), operation] as const)),
);

/** `x-ms-` headers that all operations accept. */
const headersOfAll = new Set([
  "x-ms-allow-trailing-dot",
  "x-ms-client-request-id",
  "x-ms-date",
  "x-ms-file-request-intent",
  "x-ms-return-client-request-id",
  "x-ms-useragent",
  "x-ms-version",
]);

/** Returns the operation that a request names. Throws if this endpoint does not support it. */
export function operationFor(request: StorageRequest): StorageOperation {
  if (!["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"].includes(request.method)) {
    throw new StorageError("UnsupportedHttpVerb");
  }
  const level = levelOf(request);
  const comp = request.query.get("comp") ?? "";
  const hasSource = request.header("x-ms-copy-source") !== undefined;
  const operation =
    level === undefined ? undefined : operations.get(operationKey(request.method, { level, comp, hasSource }));
  if (operation === undefined) throw new StorageError("NotImplemented");
  refuseUnknown(request, operation);
  return operation;
}

function operationKey(method: string, { level, comp, hasSource }: OperationKey): string {
  return `${method} ${level} ${(comp ?? "").toLowerCase()}${hasSource === true ? " from another file" : ""}`;
}

type OperationKey = Pick<StorageOperation, "level" | "comp" | "hasSource">;

/** Returns the kind of resource. `restype` determines it, and the depth of the path must match. */
function levelOf(request: StorageRequest): ResourceLevel | undefined {
  const type = request.query.get("restype")?.toLowerCase() ?? "";
  const depth = request.share === undefined ? 0 : 1 + request.path.length;
  if (["", "service"].includes(type) && depth === 0) return "service";
  if (type === "share" && depth === 1) return "share";
  if (type === "directory" && depth >= 1) return "directory";
  if (type === "" && (depth >= 2 || (depth === 1 && concernsHandles(request)))) return "file";
  if (type === "hardlink" || type === "symboliclink") {
    // Links exist only in NFS shares.
    throw new StorageError("UnsupportedQueryParameter", { subject: "restype" });
  }
  if (["", "service", "share", "directory"].includes(type)) throw new StorageError("InvalidUri");
  return undefined;
}

/** Operations on handles are the same for files and directories, including the root of a share. */
function concernsHandles(request: StorageRequest): boolean {
  return ["listhandles", "forceclosehandles"].includes(request.query.get("comp")?.toLowerCase() ?? "");
}

/** Rejects headers and parameters that the operation cannot honor, rather than ignore them silently. */
function refuseUnknown(request: StorageRequest, operation: StorageOperation): void {
  if (request.query.has("sharesnapshot") && !takesSnapshot(request, operation)) {
    if (!isRead(request)) throw new StorageError("ShareSnapshotOperationNotSupported");
    throw new StorageError("UnsupportedQueryParameter", { subject: "sharesnapshot" });
  }
  for (const name of Object.keys(request.message.headers).filter((header) => header.startsWith("x-ms-"))) {
    const known = headersOfAll.has(name) || operation.headers?.includes(name) === true;
    // The Python client also sends all metadata in one header `x-ms-meta`, which can be ignored.
    const metadata = operation.takesMetadata === true && /^x-ms-meta(-|$)/.test(name);
    if (!known && !metadata) throw new StorageError("UnsupportedHeader", { subject: name });
  }
}

function takesSnapshot(request: StorageRequest, operation: StorageOperation): boolean {
  const isInShare = operation.level === "directory" || operation.level === "file";
  return operation.takesSnapshot ?? (isInShare && isRead(request));
}
