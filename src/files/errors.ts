/**
 * All errors that the endpoint returns, with the status and the message of each. The codes are those of Azure Files.
 */

const errorTable = {
  AuthenticationFailed: [403, "Authentication failed: check the account, the key, the SAS and the date."],
  AuthorizationPermissionMismatch: [403, "The shared access signature does not permit this operation."],
  AuthorizationProtocolMismatch: [403, "The shared access signature does not allow the protocol of this request."],
  AuthorizationResourceTypeMismatch: [403, "The shared access signature does not cover this kind of resource."],
  AuthorizationServiceMismatch: [403, "The shared access signature is not valid for the file service."],
  AuthorizationSourceIPMismatch: [403, "The shared access signature does not allow the address of the sender."],
  CannotDeleteFileOrDirectory: [409, "The file or directory is in use, for example as a mount point."],
  CannotVerifyCopySource: [
    403,
    "The source is not in this endpoint, or the request and its source URL do not grant access to it.",
  ],
  ConditionNotMet: [412, "A condition in the request headers is not met."],
  CopyIdMismatch: [409, "The copy in progress has another ID."],
  CorsPreflightFailure: [403, "No CORS rule of the account allows this request."],
  Crc64Mismatch: [400, "The CRC-64 of the source does not match the one in the request."],
  DeleteShareWhenSnapshotLeased: [
    409,
    "A snapshot of the share is leased. Break its lease, or delete leased snapshots too.",
  ],
  DirectoryNotEmpty: [409, "The directory is not empty."],
  EmptyMetadataKey: [400, 'A metadata header has no name after "x-ms-meta-".'],
  FileInvalidPermission: [400, "The permission is not a security descriptor in SDDL."],
  FileInvalidPermissionKey: [400, "The share has no permission with that key."],
  InsufficientAccountPermissions: [
    403,
    "The service does not have permission to read or write this file or directory on its disk.",
  ],
  InsufficientStorage: [507, "The disk that holds the share is full."],
  InternalError: [500, "The request failed. See the service log for the cause."],
  InvalidAuthenticationInfo: [400, "The Authorization header is malformed or does not use the SharedKey scheme."],
  InvalidFileOrDirectoryPathName: [400, "The path is too long or too deep."],
  InvalidHeaderValue: [400, "A header has a value that this operation does not accept."],
  InvalidInput: [400, "The body is not the JSON document that this operation requires."],
  InvalidMd5: [400, "Content-MD5 is not the Base64 form of 16 bytes."],
  InvalidMetadata: [400, "A metadata name must consist of letters, digits and underscores, and be unique."],
  InvalidQueryParameterValue: [400, "A query parameter has an invalid value or is repeated."],
  InvalidRange: [416, "The range is outside the file."],
  InvalidResourceName: [400, "The name of the share, directory or file contains characters that are not allowed."],
  InvalidUri: [400, "The URL must have the form /ACCOUNT/SHARE/PATH."],
  InvalidXmlDocument: [400, "The body is not the XML document that this operation requires."],
  InvalidXmlNodeValue: [400, "An element of the XML document has an invalid value."],
  LeaseAlreadyPresent: [409, "The resource is already leased."],
  LeaseIdMismatchWithContainerOperation: [412, "The lease ID in the request does not match the lease on the share."],
  LeaseIdMismatchWithFileOperation: [412, "The lease ID in the request does not match the lease on the file."],
  LeaseIdMismatchWithLeaseOperation: [409, "The lease ID in the request does not match the lease."],
  LeaseIdMissing: [412, "The resource is leased, and the request has no lease ID."],
  LeaseIsBreakingAndCannotBeAcquired: [409, "The lease is breaking, and cannot be acquired until it is broken."],
  LeaseIsBreakingAndCannotBeChanged: [409, "The lease is breaking, and can no longer be changed."],
  LeaseIsBrokenAndCannotBeRenewed: [409, "The lease has been broken, and cannot be renewed."],
  LeaseNotPresentWithContainerOperation: [412, "The request has a lease ID, but the share is not leased."],
  LeaseNotPresentWithFileOperation: [412, "The request has a lease ID, but the resource is not leased."],
  LeaseNotPresentWithLeaseOperation: [409, "The resource is not leased."],
  Md5Mismatch: [400, "The MD5 of the body does not match Content-MD5."],
  MetadataTooLarge: [400, "The metadata is larger than 8 KiB."],
  MissingContentLengthHeader: [411, "The request has no Content-Length header."],
  MissingRequiredHeader: [400, "A required header is missing."],
  MissingRequiredXmlNode: [400, "A required element is missing in the XML document."],
  NoAuthenticationInformation: [401, "The request has neither an Authorization header nor a signature."],
  NoPendingCopyOperation: [409, "No copy is in progress that could be aborted."],
  NotImplemented: [501, "This endpoint does not support this operation."],
  OutOfRangeInput: [400, "A value is outside the range that this operation accepts."],
  OutOfRangeQueryParameterValue: [400, "A query parameter is outside the range that this operation accepts."],
  ParentNotFound: [404, "The parent directory does not exist."],
  PendingCopyOperation: [409, "The file is the destination of a copy in progress."],
  PreviousSnapshotNotFound: [409, "The share has no snapshot with the time in prevsharesnapshot."],
  ReadOnlyAttribute: [409, "The file or directory has the ReadOnly attribute."],
  RequestBodyTooLarge: [413, "The body is larger than this operation accepts."],
  ResourceAlreadyExists: [409, "A file or directory with that name already exists."],
  ResourceNotFound: [404, "The file or directory does not exist."],
  ResourceTypeMismatch: [409, "The name belongs to another kind of resource."],
  ServerBusy: [503, "The service is busy or shutting down. Try again."],
  ShareAlreadyExists: [409, "A share with that name already exists."],
  ShareHasSnapshots: [409, "The share has snapshots. To delete them too, set the x-ms-delete-snapshots header."],
  ShareNotFound: [404, "The share does not exist."],
  ShareSnapshotCountExceeded: [409, "A share can have up to 200 snapshots."],
  ShareSnapshotNotFound: [404, "The snapshot of the share does not exist."],
  ShareSnapshotOperationNotSupported: [409, "Snapshots are read-only."],
  SharingViolation: [409, "The source changed while it was copied."],
  UnsupportedHeader: [400, "The request has a header that this endpoint does not support for this operation."],
  UnsupportedHttpVerb: [405, "The resource does not support this HTTP method."],
  UnsupportedQueryParameter: [400, "The request has a query parameter that this operation does not support."],
  UnsupportedXmlNode: [400, "The XML document has an element that this endpoint does not support."],
} as const satisfies Readonly<Record<string, readonly [status: number, message: string]>>;

/** An error code, as in the `x-ms-error-code` header. */
export type StorageErrorCode = keyof typeof errorTable;

/** Errors of a shortage that passes: the same request may succeed later. */
const shortages: ReadonlySet<StorageErrorCode> = new Set<StorageErrorCode>(["ServerBusy", "InsufficientStorage"]);
const retryAfterInSeconds = 1;

/** Details of a {@link StorageError} that are not in the table. */
export interface StorageErrorDetails {
  /** Name of the header, query parameter or property that is wrong. Becomes an element of the response body. */
  readonly subject?: string;
  /** Response headers that belong to the error, such as `content-range`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Overrides the status in the table. A failed condition is 304 for a read and 412 for a write. */
  readonly status?: number;
}

/** An error that is sent to the client as it is. It never contains a secret. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  /** Error code. */
  readonly code: StorageErrorCode;
  /** HTTP status. */
  readonly status: number;
  /** See {@link StorageErrorDetails.subject}. */
  readonly subject: string | undefined;
  /** Response headers that belong to the error. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: StorageErrorCode, details: StorageErrorDetails = {}) {
    const [status, message] = errorTable[code];
    super(message);
    this.code = code;
    this.status = details.status ?? status;
    this.subject = details.subject;
    this.headers = {
      ...(shortages.has(code) ? { "retry-after": String(retryAfterInSeconds) } : {}),
      ...details.headers,
    };
  }

  /** Whether the machine lacks something for the moment, such as space or descriptors. */
  get isShortage(): boolean {
    return shortages.has(this.code);
  }
}
