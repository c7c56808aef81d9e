import { outgoing } from "../http/call.ts";
import type { Outgoing } from "../http/call.ts";
import type { OperationOptions } from "../http/options.ts";
import { int32, model, optional, required, string } from "../wire/schema.ts";
import type { ModelSchema } from "../wire/schema.ts";

/** Options of methods that list resources. */
export interface ListOptions extends OperationOptions {
  /** Maximum number of items on a page, 1 to 1000. Default: 1000. */
  maxResults?: number;
}

interface ListQuery {
  maxResults?: number;
}

interface OutputDirectoryQuery {
  outputDirectoryId: string;
}

interface OutputFilesQuery extends ListQuery {
  directory?: string;
  linkExpiryInMinutes?: number;
}

const maxResults = optional("maxresults", int32({ minimum: 1, maximum: 1000 }));

const listQuerySchema: ModelSchema<ListQuery> = model<ListQuery>("ListQuery", { maxResults });

const outputDirectoryQuerySchema = model<OutputDirectoryQuery>("OutputDirectoryQuery", {
  outputDirectoryId: required("outputdirectoryid", string),
});

const outputFilesQuerySchema = model<OutputFilesQuery>("OutputFilesQuery", {
  directory: optional("directory", string),
  linkExpiryInMinutes: optional("linkexpiryinminutes", int32({ minimum: 5, maximum: 600 })),
  maxResults,
});

/** Creates the query of a list. */
export function listQuery(options: ListOptions): Outgoing[] {
  return [outgoing(listQuerySchema, { maxResults: options.maxResults }, "options")];
}

/** Creates the query of the list of a job's output files. The ID is a separate argument, not one of the options. */
export function outputFilesQuery(outputDirectoryId: string, options: OutputFilesQuery): Outgoing[] {
  const { directory, linkExpiryInMinutes, maxResults: pageSize } = options;
  return [
    outgoing(outputDirectoryQuerySchema, { outputDirectoryId }, ""),
    outgoing(outputFilesQuerySchema, { directory, linkExpiryInMinutes, maxResults: pageSize }, "options"),
  ];
}
