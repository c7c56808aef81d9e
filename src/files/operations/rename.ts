import { isWithin } from "../../ground/containment.ts";
import { withDescriptor } from "../disk/descriptor.ts";
import { identityOf } from "../disk/identity.ts";
import { checkNewName } from "../disk/names.ts";
import { movePlace, openPlace, pathOf, removeFile, requireDirectory, requireFile } from "../disk/tree.ts";
import type { FoundPlace, LocatedPlace, Place } from "../disk/tree.ts";
import { StorageError } from "../errors.ts";
import { contentHeadersOf, flagHeader, invalid, metadataOf, smbHeadersRead, smbPropertiesOf } from "../http/headers.ts";
import { checkLease, leaseHeader } from "../http/leases.ts";
import type { StorageRequest } from "../http/request.ts";
import type { FileProperties } from "../records/properties.ts";
import { refuseReadOnly } from "./entry.ts";
import { currentHeaders, filePropertiesOf, forgetFile, storeProperties } from "./entryProperties.ts";
import { respond } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";
import { withSmbProperties } from "./smbProperties.ts";
import { sourceOf } from "./sources.ts";
import { targetOf } from "./target.ts";
import type { Target } from "./target.ts";

const sourceLease = "x-ms-source-lease-id";
const destinationLease = "x-ms-destination-lease-id";

async function renameFile(exchange: Exchange): Promise<void> {
  const { share, place } = sourceOf(exchange, "x-ms-file-rename-source", "wd");
  await rename(exchange, { share, place: requireFile(place) });
}

async function renameDirectory(exchange: Exchange): Promise<void> {
  const { share, place } = sourceOf(exchange, "x-ms-file-rename-source", "wd");
  if (place.name === ".") invalid("x-ms-file-rename-source");
  await rename(exchange, { share, place: requireDirectory(place) });
}

/** No other code of this process runs between the last check of both names and the move. */
async function rename(exchange: Exchange, source: Target & { readonly place: FoundPlace }): Promise<void> {
  const { request } = exchange;
  const smb = smbPropertiesOf(request);
  const metadata = metadataOf(request);
  const contentHeaders = contentHeadersOf(request);
  const target = targetOf(exchange);
  const { share } = target;
  if (share.identity !== source.share.identity) invalid("x-ms-file-rename-source");
  checkLeaseOn(exchange, source, sourceLease);
  const place = destinationOf(exchange, source.place, target);
  exchange.storage.properties.requireWritable();
  move(exchange, source, target.place, place);
  try {
    await withDescriptor(openPlace(place, "read"), (descriptor) => {
      const properties = filePropertiesOf(exchange, share, source.place.stat);
      const changed: FileProperties = {
        ...withSmbProperties(exchange, share, properties, smb),
        ...(metadata.length === 0 ? {} : { metadata }),
        ...(Object.keys(contentHeaders).length === 0
          ? {}
          : { contentHeaders: { ...properties.contentHeaders, ...contentHeaders } }),
      };
      storeProperties(exchange, share, descriptor, changed, smb);
      respond(exchange, 200, {
        ...currentHeaders(exchange, { share, place }, descriptor),
        "x-ms-request-server-encrypted": "false",
      });
    });
  } catch (error) {
    // The client will try again, and should find the source.
    if (target.place.stat === undefined) movePlace(place, source.place);
    throw error;
  }
}

function move(
  exchange: Exchange,
  { share, place: source }: Target & { readonly place: FoundPlace },
  existing: Place,
  place: Place,
): void {
  if (isOtherNameOf(existing, source)) {
    // The file system would not do anything, because both names belong to the same file.
    removeFile(source);
    return;
  }
  movePlace(source, place);
  if (place.stat !== undefined && place.stat.ino !== source.stat.ino) forgetFile(exchange, share, place.stat);
}

/** Whether two places are names of the same file, as hard links are. */
function isOtherNameOf(place: Place, source: FoundPlace): boolean {
  return place.stat?.isFile() === true && place.stat.ino === source.stat.ino && pathOf(place) !== pathOf(source);
}

/** Returns the place to move the source to. Throws if the move is not possible. */
function destinationOf(exchange: Exchange, source: FoundPlace, target: Target): LocatedPlace {
  const { request } = exchange;
  const { share, place } = target;
  const wanted = request.path.at(-1) ?? "";
  if (place.stat?.ino === source.stat.ino && pathOf(place) === pathOf(source)) {
    // The same name in another spelling, such as `readme` for `README`.
    return { ...place, name: wanted.toLowerCase() === place.name.toLowerCase() ? wanted : place.name };
  }
  if (isWithin(pathOf(source), pathOf(place))) throw new StorageError("InvalidResourceName");
  checkLeaseOn(exchange, target, destinationLease);
  if (place.stat === undefined) {
    checkNewName(place.name);
    return place;
  }
  if (!flagHeader(request, "x-ms-file-rename-replace-if-exists")) throw new StorageError("ResourceAlreadyExists");
  if (!place.stat.isFile() || !source.stat.isFile()) throw new StorageError("ResourceTypeMismatch");
  const replaced = filePropertiesOf(exchange, share, place.stat);
  if (!flagHeader(request, "x-ms-file-rename-ignore-readonly")) refuseReadOnly(replaced);
  return place;
}

function checkLeaseOn({ request, storage }: Exchange, { share, place }: Target, header: string): void {
  const identity = place.stat?.isFile() === true ? identityOf(place.stat) : undefined;
  const lease = identity === undefined ? undefined : storage.properties.lease(share, identity);
  checkLease(withLeaseFrom(request, header), lease, { kind: "file", needsLease: true });
  if (identity !== undefined && storage.copies.isUnderWay(identity)) throw new StorageError("PendingCopyOperation");
}

/** Returns a request whose lease ID is in another header. Renaming has two lease IDs. */
function withLeaseFrom(request: StorageRequest, header: string): StorageRequest {
  return { ...request, header: (name) => request.header(name === leaseHeader ? header : name) };
}

const renaming = {
  resourceType: "o",
  methods: ["PUT"],
  comp: "rename",
  permissions: "w",
  takesMetadata: true,
} as const;

const renameHeaders = [
  "x-ms-file-rename-source",
  "x-ms-file-rename-replace-if-exists",
  "x-ms-file-rename-ignore-readonly",
  "x-ms-source-allow-trailing-dot",
  sourceLease,
  destinationLease,
  ...smbHeadersRead,
];

/** Operations that rename and move files and directories within their share. */
export const renameOperations: readonly StorageOperation[] = [
  { ...renaming, level: "file", headers: [...renameHeaders, "x-ms-content-type"], run: renameFile },
  { ...renaming, level: "directory", headers: renameHeaders, run: renameDirectory },
];
