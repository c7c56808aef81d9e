/**
 * Azure Files over plain folders: `batchai/files`.
 *
 * @packageDocumentation
 */

export { FilesService } from "./filesService.ts";
export type { DirectoryEntry, FilesServiceOptions, SasTarget, StorageAccount } from "./filesService.ts";
