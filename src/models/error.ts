/** Body of every error response. */
export interface CloudError {
  /** The error. Set by the service. */
  readonly error?: CloudErrorBody;
}

/** An error, as the service describes it. */
export interface CloudErrorBody {
  /** Stable code for programs, for example `JobNotFound`. Set by the service. */
  readonly code?: string;
  /** Message for people. Set by the service. */
  readonly message?: string;
  /** Target of the error, for example the path of a property. Absent if the error has no target. */
  readonly target?: string;
  /** Further errors that explain this error. Absent if there are none. */
  readonly details?: CloudErrorBody[];
}

/** An error of a cluster's nodes or of a job, reported as part of the resource. Set by the service. */
export interface BatchAIError {
  /** Stable code for programs, for example `JobTerminated`. Set by the service. */
  readonly code?: string;
  /** Message for people. Set by the service. */
  readonly message?: string;
  /** Details of the error. Absent if there are none. */
  readonly details?: NameValuePair[];
}

/** A named value. */
export interface NameValuePair {
  /** Name of the value. */
  name?: string;
  /** The value, as text. */
  value?: string;
}

/** Code of an error of the service that this package contains. `docs/service.md` says what each code means. */
export type ServiceErrorCode =
  | "AuthenticationFailed"
  | "InvalidAuthenticationToken"
  | "HostNotAllowed"
  | "SubscriptionNotFound"
  | "ResourceGroupNotFound"
  | "WorkspaceNotFound"
  | "ClusterNotFound"
  | "ExperimentNotFound"
  | "JobNotFound"
  | "FileServerNotFound"
  | "OutputDirectoryNotFound"
  | "OperationNotFound"
  | "InvalidResourceNamespace"
  | "NotFound"
  | "InvalidRequestContent"
  | "InvalidParameter"
  | "InvalidResourceName"
  | "InvalidResourceGroupLocation"
  | "InvalidResourceLocation"
  | "MissingApiVersionParameter"
  | "NoRegisteredProviderFound"
  | "OutputDirectoryNotOnShare"
  | "ClusterQuotaReached"
  | "Conflict"
  | "ResourceBeingDeleted"
  | "RequestBodyTooLarge"
  | "InsufficientStorage"
  | "ServiceUnavailable"
  | "InternalServerError";

/** Code of an error that the SDK itself creates. */
export type SdkErrorCode =
  | "PARSE_ERROR"
  | "ETIMEDOUT"
  | "ClientClosed"
  | "DownloadFailed"
  | "DownloadLinkMissing"
  | "DownloadLinkRefused"
  | "EndlessList"
  | "InsecureConnection"
  | "OperationFailed"
  | "OutputFileChanged"
  | "OutputFileNotFound"
  | "ResourceReplaced"
  | "UnexpectedOrigin";

/** Code of an error of the SDK or the service. A newer service can return others, and the platform has its own. */
export type BatchAIErrorCode = KnownErrorCode | (string & {});

/** Code of an error that this version of the SDK knows. */
export type KnownErrorCode = ServiceErrorCode | SdkErrorCode;
