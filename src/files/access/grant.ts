/** Kind of resource that a URL names: the account, a share, or something in a share. */
export type ResourceLevel = "service" | "share" | "directory" | "file";

/** Access that an operation requires. */
export interface Access {
  /** Resource that the operation acts on. */
  readonly level: ResourceLevel;
  /** Permission letters of a SAS, such as `cw`, of which one is enough. */
  readonly permissions: string;
  /** Resource type that an account SAS must cover: `s`ervice, `c`ontainer or `o`bject. */
  readonly resourceType: "s" | "c" | "o";
}

/** Access that the credential of a request grants. */
export interface Grant {
  /** Version of the SAS, used if the request has no version. */
  readonly version: string | undefined;
  /** Response headers that a SAS sets for reads. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Whether a permission letter is granted. */
  grants(permission: string): boolean;
  /** Throws if the operation is not allowed. */
  check(access: Access): void;
}
