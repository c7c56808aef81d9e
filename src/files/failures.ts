import { shortageOf } from "../ground/shortage.ts";
import { sqliteCode } from "../ground/sqliteErrors.ts";
import { errorCode } from "../ground/systemErrors.ts";
import { StorageError } from "./errors.ts";
import type { StorageErrorCode } from "./errors.ts";

const fileSystemCodes: Readonly<Record<string, StorageErrorCode>> = {
  EACCES: "InsufficientAccountPermissions",
  EBUSY: "CannotDeleteFileOrDirectory",
  EEXIST: "ResourceAlreadyExists",
  EFBIG: "OutOfRangeInput",
  EISDIR: "ResourceTypeMismatch",
  ELOOP: "ResourceNotFound",
  ENAMETOOLONG: "InvalidFileOrDirectoryPathName",
  ENOENT: "ResourceNotFound",
  ENOTDIR: "ParentNotFound",
  ENOTEMPTY: "DirectoryNotEmpty",
  ENXIO: "ResourceNotFound",
  EPERM: "InsufficientAccountPermissions",
  EROFS: "InsufficientAccountPermissions",
};

/** SQLITE_READONLY. */
const readOnlyDatabase = 8;

/**
 * Turns a thrown value into the error for the client. Anything other than a {@link StorageError} or a known error of the
 * file system or the databases becomes `InternalError`, which reveals nothing about the cause.
 */
export function toStorageError(thrown: unknown): StorageError {
  if (thrown instanceof StorageError) return thrown;
  return new StorageError(codeOfShortage(thrown) ?? codeOfFailure(thrown) ?? "InternalError");
}

function codeOfShortage(thrown: unknown): StorageErrorCode | undefined {
  const shortage = shortageOf(thrown);
  if (shortage === undefined) return undefined;
  return shortage === "storage" ? "InsufficientStorage" : "ServerBusy";
}

function codeOfFailure(thrown: unknown): StorageErrorCode | undefined {
  if (sqliteCode(thrown) === readOnlyDatabase) return "InsufficientAccountPermissions";
  return fileSystemCodes[errorCode(thrown) ?? ""];
}

/** Does work that may be left undone if the machine lacks something: its result is only for cleanliness. */
export function unlessShort(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!toStorageError(error).isShortage) throw error;
  }
}
