import { sqliteCode } from "../ground/sqliteErrors.ts";
import { errorCode } from "../ground/systemErrors.ts";
import { StorageError } from "./errors.ts";
import type { StorageErrorCode } from "./errors.ts";

const fileSystemCodes: Readonly<Record<string, StorageErrorCode>> = {
  EACCES: "InsufficientAccountPermissions",
  EAGAIN: "ServerBusy",
  EBUSY: "CannotDeleteFileOrDirectory",
  EDQUOT: "InsufficientStorage",
  EEXIST: "ResourceAlreadyExists",
  EFBIG: "OutOfRangeInput",
  EISDIR: "ResourceTypeMismatch",
  ELOOP: "ResourceNotFound",
  EMFILE: "ServerBusy",
  ENAMETOOLONG: "InvalidFileOrDirectoryPathName",
  ENFILE: "ServerBusy",
  ENOBUFS: "ServerBusy",
  ENOENT: "ResourceNotFound",
  ENOMEM: "ServerBusy",
  ENOSPC: "InsufficientStorage",
  ENOTDIR: "ParentNotFound",
  ENOTEMPTY: "DirectoryNotEmpty",
  ENXIO: "ResourceNotFound",
  EPERM: "InsufficientAccountPermissions",
  EROFS: "InsufficientAccountPermissions",
};

/** Errors that clients get for SQLite's primary result codes. */
const databaseCodes: Readonly<Record<number, StorageErrorCode>> = {
  /** SQLITE_BUSY: another process holds a lock on the database. */
  5: "ServerBusy",
  /** SQLITE_LOCKED. */
  6: "ServerBusy",
  /** SQLITE_NOMEM. */
  7: "ServerBusy",
  /** SQLITE_READONLY. */
  8: "InsufficientAccountPermissions",
  /** SQLITE_IOERR: SQLite could not read, write or lock a file, for example because of a quota. */
  10: "ServerBusy",
  /** SQLITE_FULL. */
  13: "InsufficientStorage",
  /** SQLITE_CANTOPEN: too many files are open. */
  14: "ServerBusy",
};

/**
 * Turns a thrown value into the error for the client. Anything other than a {@link StorageError} or a known error of the
 * file system or the databases becomes `InternalError`, which reveals nothing about the cause.
 */
export function toStorageError(thrown: unknown): StorageError {
  if (thrown instanceof StorageError) return thrown;
  const code = fileSystemCodes[errorCode(thrown) ?? ""] ?? databaseCodes[sqliteCode(thrown) ?? 0];
  return new StorageError(code ?? "InternalError");
}

/** Does work that may be left undone if the machine lacks something: its result is only for cleanliness. */
export function unlessShort(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!toStorageError(error).isShortage) throw error;
  }
}
