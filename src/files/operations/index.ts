import { StorageError } from "../errors.ts";
import type { ResourceLevel } from "../grant.ts";
import type { StorageRequest } from "../request.ts";
import { directoryOperations } from "./directories.ts";
import { fileOperations } from "./files.ts";
import type { Operation } from "./operation.ts";
import { rangeOperations } from "./ranges.ts";
import { shareOperations } from "./shares.ts";

const operations = new Map<string, Operation>(
  [...shareOperations, ...directoryOperations, ...fileOperations, ...rangeOperations].flatMap((operation) =>
    operation.methods.map((method) => [keyOf(method, operation.level, operation.comp ?? ""), operation] as const),
  ),
);

/** `x-ms-` headers that mean nothing to an operation or the same to all of them. */
const headersOfAll = new Set([
  "x-ms-allow-trailing-dot",
  "x-ms-client-request-id",
  "x-ms-date",
  "x-ms-file-request-intent",
  "x-ms-return-client-request-id",
  "x-ms-useragent",
  "x-ms-version",
]);

/** Finds the operation that a request asks for. Throws when this endpoint does not have it. */
export function operationFor(request: StorageRequest): Operation {
  if (!["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"].includes(request.method)) {
    throw new StorageError("UnsupportedHttpVerb");
  }
  const level = levelOf(request);
  const operation = operations.get(keyOf(request.method, level, request.query.get("comp") ?? ""));
  if (level === undefined || operation === undefined) throw new StorageError("NotImplemented");
  refuseUnknown(request, operation);
  return operation;
}

function keyOf(method: string, level: ResourceLevel | undefined, comp: string): string {
  return `${method} ${level ?? ""} ${comp.toLowerCase()}`;
}

/** Which kind of resource is meant follows from `restype`; the depth of the path has to agree with it. */
function levelOf(request: StorageRequest): ResourceLevel | undefined {
  const type = request.query.get("restype")?.toLowerCase() ?? "";
  const depth = request.share === undefined ? 0 : 1 + request.path.length;
  if (type === "" && depth === 0) return "service";
  if (type === "share" && depth === 1) return "share";
  if (type === "directory" && depth >= 1) return "directory";
  if (type === "" && depth >= 2) return "file";
  if (["", "share", "directory"].includes(type)) throw new StorageError("InvalidUri");
  return undefined;
}

/** What would have to be ignored is refused: an ignored wish looks like a fulfilled one. */
function refuseUnknown(request: StorageRequest, operation: Operation): void {
  if (request.query.has("sharesnapshot")) throw new StorageError("ShareSnapshotNotFound");
  if (request.header("x-ms-lease-id") !== undefined) throw new StorageError("LeaseNotPresentWithFileOperation");
  if (request.header("x-ms-copy-source") !== undefined) throw new StorageError("NotImplemented");
  for (const name of Object.keys(request.message.headers).filter((header) => header.startsWith("x-ms-"))) {
    const known = headersOfAll.has(name) || operation.headers?.includes(name) === true;
    const metadata = operation.takesMetadata === true && name.startsWith("x-ms-meta-");
    if (!known && !metadata) throw new StorageError("UnsupportedHeader", { subject: name });
  }
}
