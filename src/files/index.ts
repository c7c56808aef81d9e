/**
 * Azure Files over plain folders: `batchai/files`.
 *
 * @packageDocumentation
 */

export { FilesService } from "./filesService.ts";
export type { DirectoryEntry, DirectoryPage } from "./disk/directoryEntries.ts";
export type { FilesServiceOptions, SasTarget, StorageAccount } from "./filesService.ts";
