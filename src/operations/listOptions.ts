import type { OperationOptions } from "../http/options.ts";
import { int32, model, optional, required, string } from "../wire/schema.ts";
import type { ModelSchema } from "../wire/schema.ts";
import type { ValidationIssue } from "../wire/validate.ts";
import { outgoing } from "./calls.ts";
import type { Outgoing } from "./calls.ts";

/** Options of methods that list resources. */
export interface ListOptions extends OperationOptions {
  /** Maximum number of items on a page, 1 to 1000. Default: 1000. */
  maxResults?: number;
}

interface ListQuery {
  maxResults?: number;
}

interface OutputFilesQuery extends ListQuery {
  outputDirectoryId: string;
  directory?: string;
  linkExpiryInMinutes?: number;
}

const maxResults = optional("maxresults", int32({ minimum: 1, maximum: 1000 }));

const listQuerySchema: ModelSchema<ListQuery> = model<ListQuery>("ListQuery", { maxResults });

const outputFilesQuerySchema = model<OutputFilesQuery>("OutputFilesQuery", {
  outputDirectoryId: required("outputdirectoryid", string),
  directory: optional("directory", string),
  linkExpiryInMinutes: optional("linkexpiryinminutes", int32({ minimum: 5, maximum: 600 })),
  maxResults,
});

/** Creates the query of a list. */
export function listQuery(options: ListOptions): Outgoing {
  return outgoing(listQuerySchema, { maxResults: options.maxResults }, "options");
}

/** Creates the query of the list of a job's output files. */
export function outputFilesQuery(
  outputDirectoryId: string,
  options: Omit<OutputFilesQuery, "outputDirectoryId">,
): Outgoing {
  const { directory, linkExpiryInMinutes, maxResults: most } = options;
  const query = outgoing(
    outputFilesQuerySchema,
    { outputDirectoryId, directory, linkExpiryInMinutes, maxResults: most },
    "options",
  );
  // The ID is a separate argument, so its path must not start with `options`.
  const issues = (): ValidationIssue[] =>
    query.issues().map(({ path, message }) => ({
      path: path.replace(/^options\.outputDirectoryId$/, "outputDirectoryId"),
      message,
    }));
  return { ...query, issues };
}
