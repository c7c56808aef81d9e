/** What an address points at: the account, a share, or something in a share. */
export type ResourceLevel = "service" | "share" | "directory" | "file";

/** What an operation asks of whoever calls it. */
export interface Access {
  /** Resource that the operation works on. */
  readonly level: ResourceLevel;
  /** Letters of a SAS of which one suffices, such as `cw`. */
  readonly permissions: string;
  /** Resource type that an account SAS must cover: `s`ervice, `c`ontainer or `o`bject. */
  readonly resourceType: "s" | "c" | "o";
}

/** What the credential of a request allows. */
export interface Grant {
  /** Version of the SAS, used where the request names none itself. */
  readonly version: string | undefined;
  /** Response headers that the signer of a SAS chose for reads. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Whether one permission letter is granted. */
  grants(permission: string): boolean;
  /** Throws unless the operation is allowed. */
  check(access: Access): void;
}
