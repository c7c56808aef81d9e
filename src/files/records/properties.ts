/** Names and values of `x-ms-meta-` headers, in the order and spelling in which they came. */
export type Metadata = readonly (readonly [name: string, value: string])[];

/** What Azure keeps about a file or directory and a file system has no place for. */
export interface FileProperties {
  /** Content headers that reads answer, by lower-case header name; `content-md5` is kept apart. */
  readonly contentHeaders?: Readonly<Record<string, string>>;
  /** Stored MD5 in Base64, and the modification time (nanoseconds) of the content for which it was stated. */
  readonly contentMd5?: { readonly value: string; readonly modified: string };
  /** User metadata. */
  readonly metadata?: Metadata;
  /** SMB attributes as the wire spells them, such as `ReadOnly | Archive`. */
  readonly attributes?: string;
  /** Creation time that a client set, as ISO 8601; else the file system's counts. */
  readonly createdOn?: string;
  /** Change time that a client set, as ISO 8601, and the file system's own (nanoseconds) from right afterwards. */
  readonly changeTime?: { readonly value: string; readonly changed: string };
  /** Key of a security descriptor that a client set. */
  readonly permissionKey?: string;
  /** The copy that the file is, or was to become. */
  readonly copy?: FileCopy;
  /** Counts changes of these properties, so that each one makes a new ETag. */
  readonly revision?: number;
  /** In a snapshot: what the file system said of the original, for a copy cannot carry it. */
  readonly original?: OriginalState;
}

/** State of a file of which a snapshot holds a copy; times are nanoseconds. */
export interface OriginalState {
  readonly ino: string;
  readonly parentIno: string;
  readonly bornNs: string;
  readonly changedNs: string;
  readonly modifiedNs: string;
}

/** A copy operation and how it went. */
export interface FileCopy {
  readonly id: string;
  /** Address of the source, without any signature. */
  readonly source: string;
  readonly status: "pending" | "success" | "aborted" | "failed";
  /** Bytes of the source, all of which are copied where the status is `success`. */
  readonly size: number;
  /** End of the operation, as ISO 8601. */
  readonly completedOn?: string;
  /** What went wrong. */
  readonly description?: string;
}

/** What Azure keeps about a share. */
export interface ShareProperties {
  /** Quota in GiB; kept and shown, not enforced. */
  readonly quota?: number;
  /** User metadata. */
  readonly metadata?: Metadata;
  /** When these properties last changed, as ISO 8601. */
  readonly changedOn?: string;
  /** See {@link FileProperties.revision}. */
  readonly revision?: number;
  /** Stored access policies. */
  readonly policies?: readonly AccessPolicy[];
  /** Access tier, and when it was chosen (ISO 8601); kept and shown, without effect. */
  readonly tier?: { readonly name: string; readonly changedOn: string };
  /** In a snapshot: identity of the share that it shows. */
  readonly base?: string;
}

/** A stored access policy, with which a service SAS is completed. Texts are as the wire has them; empty: not set. */
export interface AccessPolicy {
  readonly id: string;
  readonly start: string;
  readonly expiry: string;
  readonly permission: string;
}

/** Names one share of one account. */
export interface ShareAddress {
  readonly accountName: string;
  readonly shareName: string;
}

/** The folder of a share or of a snapshot, by its identity (see `identityOf`). */
export interface ShareIdentity {
  readonly identity: string;
}
