import type { CloudErrorBody, ServiceErrorCode } from "../../models/error.ts";
import type { ValidationIssue } from "../../wire/validate.ts";

/**
 * Every error that the service returns: its HTTP status, and whether the same request may succeed later without any
 * change. The responses and the documentation are derived from this table; the SDK has the type of its codes.
 */
export const errorTable = {
  AuthenticationFailed: { status: 401, retryable: false },
  InvalidAuthenticationToken: { status: 401, retryable: false },
  HostNotAllowed: { status: 403, retryable: false },
  SubscriptionNotFound: { status: 404, retryable: false },
  ResourceGroupNotFound: { status: 404, retryable: false },
  WorkspaceNotFound: { status: 404, retryable: false },
  ClusterNotFound: { status: 404, retryable: false },
  ExperimentNotFound: { status: 404, retryable: false },
  JobNotFound: { status: 404, retryable: false },
  FileServerNotFound: { status: 404, retryable: false },
  OutputDirectoryNotFound: { status: 404, retryable: false },
  OperationNotFound: { status: 404, retryable: false },
  InvalidResourceNamespace: { status: 404, retryable: false },
  NotFound: { status: 404, retryable: false },
  InvalidRequestContent: { status: 400, retryable: false },
  InvalidParameter: { status: 400, retryable: false },
  InvalidResourceName: { status: 400, retryable: false },
  InvalidResourceGroupLocation: { status: 409, retryable: false },
  InvalidResourceLocation: { status: 409, retryable: false },
  MissingApiVersionParameter: { status: 400, retryable: false },
  NoRegisteredProviderFound: { status: 400, retryable: false },
  OutputDirectoryNotOnShare: { status: 400, retryable: false },
  ClusterQuotaReached: { status: 409, retryable: false },
  Conflict: { status: 409, retryable: false },
  ResourceBeingDeleted: { status: 409, retryable: true },
  RequestBodyTooLarge: { status: 413, retryable: false },
  InsufficientStorage: { status: 507, retryable: true },
  ServiceUnavailable: { status: 503, retryable: true },
  InternalServerError: { status: 500, retryable: true },
} as const satisfies Record<ServiceErrorCode, { status: number; retryable: boolean }>;

/** A code of {@link errorTable}. */
export type ErrorCode = keyof typeof errorTable;

/** An error for the client, in the form of ARM. Its text never contains a secret or a path of the service. */
export class ArmError extends Error {
  readonly code: ErrorCode;
  readonly target: string | undefined;
  readonly details: readonly CloudErrorBody[];

  constructor(code: ErrorCode, message: string, more: { target?: string; details?: readonly CloudErrorBody[] } = {}) {
    super(message);
    this.name = "ArmError";
    this.code = code;
    this.target = more.target;
    this.details = more.details ?? [];
  }

  get statusCode(): number {
    return errorTable[this.code].status;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  /** Returns the body of the response. */
  toBody(): { error: CloudErrorBody } {
    return {
      error: {
        code: this.code,
        message: this.message,
        ...(this.target === undefined ? {} : { target: this.target }),
        ...(this.details.length === 0 ? {} : { details: [...this.details] }),
      },
    };
  }
}

/** Returns one error for all problems of a request: its target is the first property, its details name each one. */
export function invalidParameter(issues: readonly ValidationIssue[]): ArmError {
  const [first] = issues;
  const sentences = issues.map(({ path, message }) => `${path}: ${message}`);
  return new ArmError("InvalidParameter", sentences.join("; "), {
    target: first?.path ?? "",
    details: issues.map(({ path, message }) => ({ code: "InvalidParameter", message, target: path })),
  });
}
