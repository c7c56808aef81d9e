import type { AbortSignalLike } from "@azure/abort-controller";

/** Options of every request to a share. */
export interface ShareRequestOptions {
  /** Aborts the request. */
  abortSignal?: AbortSignalLike;
}

/** Options of the upload of a part of a file. */
export interface ShareUploadOptions extends ShareRequestOptions {
  /** MD5 of the part; the storage rejects the part if its MD5 differs. Default: none, the MD5 is not checked. */
  contentMD5?: Uint8Array;
}

/** Headers to store with a file. */
export interface ShareFileHeaders {
  /** MD5 of the whole file. */
  fileContentMD5?: Uint8Array;
  /** Media type of the file. */
  fileContentType?: string;
}

/**
 * A directory of a file share. Contains the members of `ShareDirectoryClient` from `@azure/storage-file-share` that
 * this package uses, so it does not depend on that package.
 */
export interface ShareDirectory {
  /** Path in the share; empty for the share itself. */
  readonly path: string;
  /** Returns a client for a subdirectory. */
  getDirectoryClient(name: string): ShareDirectory;
  /** Returns a client for a file in the directory. */
  getFileClient(name: string): ShareFile;
  /** Creates the directory if it does not exist. */
  createIfNotExists(options?: ShareRequestOptions): Promise<unknown>;
}

/** Properties of a file of a share. */
export interface ShareFileProperties {
  /** Size in bytes. */
  readonly contentLength?: number;
  /** MD5 that was stored with the file. */
  readonly contentMD5?: Uint8Array;
  /** Metadata that was stored with the file. */
  readonly metadata?: Record<string, string>;
}

/**
 * A file of a share. Contains the members of `ShareFileClient` from `@azure/storage-file-share` that this package uses.
 */
export interface ShareFile {
  /** Creates the file with a size in bytes. */
  create(size: number, options?: ShareRequestOptions): Promise<unknown>;
  /** Gets the properties of the file. */
  getProperties(options?: ShareRequestOptions): Promise<ShareFileProperties>;
  /** Writes a part of the file. Rejects if the MD5 of the part differs from `contentMD5`. */
  uploadRange(body: Uint8Array, offset: number, contentLength: number, options?: ShareUploadOptions): Promise<unknown>;
  /** Stores HTTP headers with the file, such as its MD5. */
  setHttpHeaders(headers?: ShareFileHeaders, options?: ShareRequestOptions): Promise<unknown>;
  /** Stores metadata with the file. */
  setMetadata(metadata?: Record<string, string>, options?: ShareRequestOptions): Promise<unknown>;
}
