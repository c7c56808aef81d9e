import type { AbortSignalLike } from "@azure/abort-controller";

/** Options that every request to a share takes. */
export interface ShareRequestOptions {
  /** Ends the request. */
  abortSignal?: AbortSignalLike;
}

/** Options that the upload of a part of a file takes. */
export interface ShareUploadOptions extends ShareRequestOptions {
  /** MD5 of the part; the storage refuses the part when it has another one. Default: none, nothing is compared. */
  contentMD5?: Uint8Array;
}

/** Headers that a share stores with a file. */
export interface ShareFileHeaders {
  /** MD5 of the whole file. */
  fileContentMD5?: Uint8Array;
  /** Media type of the file. */
  fileContentType?: string;
}

/**
 * A directory of a file share: what is used of a `ShareDirectoryClient` of `@azure/storage-file-share`, so that this package
 * does not need that one.
 */
export interface ShareDirectory {
  /** Path below the share; empty for the share itself. */
  readonly path: string;
  /** A directory in it. */
  getDirectoryClient(name: string): ShareDirectory;
  /** A file in it. */
  getFileClient(name: string): ShareFile;
  /** Makes it. */
  createIfNotExists(options?: ShareRequestOptions): Promise<unknown>;
}

/** What a share knows of a file. */
export interface ShareFileProperties {
  /** Size in bytes. */
  readonly contentLength?: number;
  /** MD5 that was stored with it. */
  readonly contentMD5?: Uint8Array;
  /** Whatever else was stored with it. */
  readonly metadata?: Record<string, string>;
}

/** A file of a share: what is used of a `ShareFileClient` of `@azure/storage-file-share`. */
export interface ShareFile {
  /** Makes it, with so many bytes. */
  create(size: number, options?: ShareRequestOptions): Promise<unknown>;
  /** Asks what is known of it. */
  getProperties(options?: ShareRequestOptions): Promise<ShareFileProperties>;
  /** Writes a part of it, which is refused when it does not have its MD5. */
  uploadRange(body: Uint8Array, offset: number, contentLength: number, options?: ShareUploadOptions): Promise<unknown>;
  /** Stores its MD5. */
  setHttpHeaders(headers?: ShareFileHeaders, options?: ShareRequestOptions): Promise<unknown>;
  /** Stores something else with it. */
  setMetadata(metadata?: Record<string, string>, options?: ShareRequestOptions): Promise<unknown>;
}
