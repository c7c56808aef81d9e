import type { ServiceContext } from "../http/context.ts";
import type { OperationOptions } from "../http/options.ts";
import type { PagedList } from "../http/paging.ts";
import type { Usage } from "../models/usage.ts";
import { usage } from "../wire/tables/usage.ts";
import { list } from "./calls.ts";
import { paths } from "./paths.ts";

/** Options of {@link Usages.list}. */
export type UsagesListOptions = OperationOptions;

/** Usages: current usage of the quotas. */
export interface Usages {
  /**
   * Lists the quotas of a region, for example `northeurope`, and their current usage. Rejects with a `RestError` if the
   * service rejects the request. REST operation: `Usages_List`.
   */
  list(location: string, options?: UsagesListOptions): PagedList<Usage>;
}

/** Creates the group of operations on usages. */
export function createUsages(context: ServiceContext): Usages {
  return {
    list: (location, options = {}) =>
      list(context, { operation: "usages.list", path: paths.usages, names: [location] }, usage, options),
  };
}
