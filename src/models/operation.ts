/** Something that the resource provider can do. Answered by `operations.list`. */
export interface Operation {
  /** `Microsoft.BatchAI/<resource>/<verb>`, as role definitions use it. Set by the service. */
  readonly name?: string;
  /** Its names for people. */
  display?: OperationDisplay;
  /** Who is meant to call it. Set by the service. */
  readonly origin?: string;
  /** Whatever else the service says about it. */
  properties?: Record<string, unknown>;
}

/** Names of an operation for people; all of them are set by the service. */
export interface OperationDisplay {
  /** Name of the provider. */
  readonly provider?: string;
  /** Name of the operation. */
  readonly operation?: string;
  /** Name of the resource type. */
  readonly resource?: string;
  /** What the operation does. */
  readonly description?: string;
}
