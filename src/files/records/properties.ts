/** Names and values of `x-ms-meta-` headers, in their original order and spelling. */
export type Metadata = readonly (readonly [name: string, value: string])[];

/** Properties of a file or directory that Azure stores and a file system cannot store. */
export interface FileProperties {
  /** Content headers that reads return, by lowercase name. `content-md5` is stored separately. */
  readonly contentHeaders?: Readonly<Record<string, string>>;
  /** Stored MD5 in Base64, and the modification time (nanoseconds) of the content that it belongs to. */
  readonly contentMd5?: { readonly value: string; readonly modified: string };
  /** User metadata. */
  readonly metadata?: Metadata;
  /** SMB attributes as in the API, such as `ReadOnly | Archive`. */
  readonly attributes?: string;
  /** Creation time that a client set, in ISO 8601. Absent if the one from the file system applies. */
  readonly createdOn?: string;
  /**
   * Change time that a client set, in ISO 8601, and the change time (nanoseconds) of the file system right afterwards.
   */
  readonly changeTime?: { readonly value: string; readonly changed: string };
  /** Key of a security descriptor that a client set. */
  readonly permissionKey?: string;
  /** The copy operation that created the file, or failed to. */
  readonly copy?: FileCopy;
  /** Incremented with every change of these properties, to change the ETag. */
  readonly revision?: number;
  /** In a snapshot: state of the original, which a copy cannot have itself. */
  readonly original?: OriginalState;
}

/** State of the original of a file in a snapshot. Times are nanoseconds. */
export interface OriginalState {
  readonly ino: string;
  readonly parentIno: string;
  readonly bornNs: string;
  readonly changedNs: string;
  readonly modifiedNs: string;
}

/** A copy operation and its result. */
export interface FileCopy {
  readonly id: string;
  /** URL of the source, without a signature. */
  readonly source: string;
  readonly status: "pending" | "success" | "aborted" | "failed";
  /** Size of the source in bytes. All of them are copied if the status is `success`. */
  readonly size: number;
  /** End of the operation, in ISO 8601. */
  readonly completedOn?: string;
  /** Reason of a failure. */
  readonly description?: string;
}

/** Properties of a share that Azure stores. */
export interface ShareProperties {
  /** Quota in GiB; stored but not enforced. */
  readonly quota?: number;
  /** User metadata. */
  readonly metadata?: Metadata;
  /** Time of the last change of these properties, in ISO 8601. */
  readonly changedOn?: string;
  /** See {@link FileProperties.revision}. */
  readonly revision?: number;
  /** Stored access policies. */
  readonly policies?: readonly AccessPolicy[];
  /** Access tier and when it was set (ISO 8601); stored but has no effect. */
  readonly tier?: { readonly name: string; readonly changedOn: string };
  /** In a snapshot: identity of its share. */
  readonly base?: string;
}

/** A stored access policy, which supplies what a service SAS omits. Texts are as in the API; empty if not set. */
export interface AccessPolicy {
  readonly id: string;
  readonly start: string;
  readonly expiry: string;
  readonly permission: string;
}

/** Identifies a share of an account. */
export interface ShareAddress {
  readonly accountName: string;
  readonly shareName: string;
}

/** Identifies the folder of a share or a snapshot (see `identityOf`). */
export interface ShareIdentity {
  readonly identity: string;
}
