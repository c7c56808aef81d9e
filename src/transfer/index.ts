/**
 * Transfer of whole folders to and from the service, for Node.js: `batchai/transfer`.
 *
 * @packageDocumentation
 */
export { downloadOutputDirectory } from "./downloadOutputDirectory.ts";
export type { DownloadOptions } from "./downloadOutputDirectory.ts";
export type { OutputDirectoryName, OutputFileReader } from "./outputDirectory.ts";
export { TransferError } from "./transferError.ts";
export type {
  SkippedEntry,
  TransferOptions,
  TransferOutcome,
  TransferProgress,
  TransferredFile,
  TransferSummary,
} from "./transfer.ts";
export { uploadDirectory } from "./uploadDirectory.ts";
export type {
  ShareDirectory,
  ShareFile,
  ShareFileHeaders,
  ShareFileProperties,
  ShareRequestOptions,
  ShareUploadOptions,
} from "./share.ts";
