/** An operation of the resource provider. Returned by `operations.list`. */
export interface Operation {
  /** Name of the operation for role definitions: `Microsoft.BatchAI/<resource>/<verb>`. Set by the service. */
  readonly name?: string;
  /** Names for people. */
  display?: OperationDisplay;
  /** Intended caller of the operation. Set by the service. */
  readonly origin?: string;
  /** Further properties of the operation. */
  properties?: Record<string, unknown>;
}

/** Names of an operation for people; all properties are set by the service. */
export interface OperationDisplay {
  /** Name of the provider. */
  readonly provider?: string;
  /** Name of the operation. */
  readonly operation?: string;
  /** Name of the resource type. */
  readonly resource?: string;
  /** Description of the operation. */
  readonly description?: string;
}
