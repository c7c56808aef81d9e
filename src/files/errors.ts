/**
 * All errors that the endpoint returns, with the status and the message of each. The codes are those of Azure Files.
 */

const errorTable = {
  AuthenticationFailed: [403, "The request is not signed as this account expects it."],
  AuthorizationPermissionMismatch: [403, "The shared access signature does not permit this operation."],
  AuthorizationProtocolMismatch: [403, "The shared access signature does not allow the protocol of this request."],
  AuthorizationResourceTypeMismatch: [403, "The shared access signature does not cover this kind of resource."],
  AuthorizationServiceMismatch: [403, "The shared access signature was not made for the file service."],
  AuthorizationSourceIPMismatch: [403, "The shared access signature does not allow the address of the sender."],
  CannotDeleteFileOrDirectory: [409, "Something holds on to it: a disk is mounted there, for instance."],
  CannotVerifyCopySource: [
    403,
    "The source is not one of this endpoint, or neither the request nor a signature in its address gives access to it.",
  ],
  ConditionNotMet: [412, "The condition in the request's headers does not hold."],
  CopyIdMismatch: [409, "The copy that is under way has another id."],
  CorsPreflightFailure: [403, "No rule of this account lets that origin send such a request."],
  Crc64Mismatch: [400, "The source does not have the CRC-64 that the request announced."],
  DeleteShareWhenSnapshotLeased: [
    409,
    "A snapshot of the share is leased; break its lease, or delete leased snapshots too.",
  ],
  DirectoryNotEmpty: [409, "The directory is not empty."],
  EmptyMetadataKey: [400, 'A metadata header has no name after "x-ms-meta-".'],
  FileInvalidPermission: [400, "The permission is not a security descriptor in SDDL."],
  FileInvalidPermissionKey: [400, "The share knows no permission of that key."],
  InsufficientAccountPermissions: [403, "The service may not read or write this file or directory on its disk."],
  InsufficientStorage: [507, "The disk that holds the share is full."],
  InternalError: [500, "The service failed to carry out the request; its log says more."],
  InvalidAuthenticationInfo: [400, "The Authorization header is malformed, or names a scheme other than SharedKey."],
  InvalidFileOrDirectoryPathName: [400, "The path is too long or too deep."],
  InvalidHeaderValue: [400, "A header has a value that this operation does not accept."],
  InvalidInput: [400, "The body is not the JSON document that this operation takes."],
  InvalidMd5: [400, "Content-MD5 is not the Base64 form of 16 bytes."],
  InvalidMetadata: [400, "A metadata name takes letters, digits and underscores, and comes once."],
  InvalidQueryParameterValue: [400, "A query parameter has a value that is not accepted, or comes twice."],
  InvalidRange: [416, "The range lies outside the file."],
  InvalidResourceName: [400, "The name of the share, directory or file contains characters that are not allowed."],
  InvalidUri: [400, "The address does not have the form /ACCOUNT/SHARE/PATH."],
  InvalidXmlDocument: [400, "The body is not the XML document that this operation takes."],
  InvalidXmlNodeValue: [400, "An element of the XML document has a value that is not accepted."],
  LeaseAlreadyPresent: [409, "Someone holds a lease already."],
  LeaseIdMismatchWithContainerOperation: [412, "The request names another lease than the one on the share."],
  LeaseIdMismatchWithFileOperation: [412, "The request names another lease than the one on the file."],
  LeaseIdMismatchWithLeaseOperation: [409, "The request names another lease than the one that is there."],
  LeaseIdMissing: [412, "There is a lease on this resource, and the request does not name it."],
  LeaseIsBreakingAndCannotBeAcquired: [409, "The lease is being broken, and cannot be acquired before it is broken."],
  LeaseIsBreakingAndCannotBeChanged: [409, "The lease is being broken, and cannot be changed any more."],
  LeaseIsBrokenAndCannotBeRenewed: [409, "The lease has been broken, and cannot be renewed."],
  LeaseNotPresentWithContainerOperation: [412, "The request names a lease, and there is none on the share."],
  LeaseNotPresentWithFileOperation: [412, "The request names a lease, and there is none on this resource."],
  LeaseNotPresentWithLeaseOperation: [409, "There is no lease on this resource."],
  Md5Mismatch: [400, "The body does not have the MD5 that the request announced."],
  MetadataTooLarge: [400, "Metadata may take 8 KiB in all."],
  MissingContentLengthHeader: [411, "The request needs a Content-Length header."],
  MissingRequiredHeader: [400, "A header that this operation needs is missing."],
  MissingRequiredXmlNode: [400, "An element that this operation needs is missing in the XML document."],
  NoAuthenticationInformation: [401, "The request has neither an Authorization header nor a signature."],
  NoPendingCopyOperation: [409, "There is no copy under way that could be aborted."],
  NotImplemented: [501, "This endpoint does not carry out that operation."],
  OutOfRangeInput: [400, "A value lies outside the range that this operation accepts."],
  OutOfRangeQueryParameterValue: [400, "A query parameter lies outside the range that this operation accepts."],
  ParentNotFound: [404, "The directory that should hold this path does not exist."],
  PendingCopyOperation: [409, "The file is the destination of a copy that is under way."],
  PreviousSnapshotNotFound: [409, "The share has no snapshot of the time with which to compare."],
  ReadOnlyAttribute: [409, "The file or directory has the ReadOnly attribute."],
  RequestBodyTooLarge: [413, "The body is larger than this operation accepts."],
  ResourceAlreadyExists: [409, "A file or directory of that name already exists."],
  ResourceNotFound: [404, "The file or directory does not exist."],
  ResourceTypeMismatch: [409, "Something of another kind already has that name."],
  ServerBusy: [503, "The service ends, or has too much to do; try again."],
  ShareAlreadyExists: [409, "A share of that name already exists."],
  ShareHasSnapshots: [409, "The share has snapshots; say by x-ms-delete-snapshots that they are to go too."],
  ShareNotFound: [404, "The share does not exist."],
  ShareSnapshotCountExceeded: [409, "A share may have 200 snapshots."],
  ShareSnapshotNotFound: [404, "The share has no such snapshot."],
  ShareSnapshotOperationNotSupported: [409, "Snapshots are read-only."],
  SharingViolation: [409, "Someone changed the source while it was copied."],
  UnsupportedHeader: [400, "The request has a header that this endpoint does not honour for this operation."],
  UnsupportedHttpVerb: [405, "The resource does not know that HTTP verb."],
  UnsupportedQueryParameter: [400, "This operation does not take a query parameter that the request has."],
  UnsupportedXmlNode: [400, "The XML document has an element that this endpoint does not know."],
} as const satisfies Readonly<Record<string, readonly [status: number, message: string]>>;

/** An error code, as in the `x-ms-error-code` header. */
export type StorageErrorCode = keyof typeof errorTable;

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
    this.headers = details.headers ?? {};
  }
}
