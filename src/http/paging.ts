import { getPagedAsyncIterator } from "@azure/core-paging";
import type { PagedAsyncIterableIterator } from "@azure/core-paging";
import { isRestError } from "@azure/core-rest-pipeline";
import { deserialize } from "../wire/deserialize.ts";
import { isJsonObject } from "../wire/jsonObject.ts";
import type { ModelSchema } from "../wire/schema.ts";
import { requestOf } from "./call.ts";
import type { Call } from "./call.ts";
import type { ServiceContext } from "./context.ts";
import { unreadableError } from "./errors.ts";
import type { OperationOptions } from "./options.ts";
import { send } from "./request.ts";
import type { ServiceRequest } from "./request.ts";
import { restError } from "./restError.ts";

/** Options of `byPage`. The number of items on a page is an option of the method instead. */
export interface PageSettings {
  /** The `continuationToken` of the previous page. Absent: starts at the first page. */
  continuationToken?: string;
}

/** Items of one page. */
export type Page<T> = T[] & {
  /** Token for `byPage({ continuationToken })`, which returns the next page. Absent on the last page. */
  continuationToken?: string;
};

/**
 * A list. Iterate over its items, or over its pages with `byPage`. Sends its first request when you start to iterate.
 */
export type PagedList<T> = PagedAsyncIterableIterator<T, Page<T>, PageSettings>;

/**
 * Creates a list from the call of its first page. Sends that request at the first step. An invalid argument
 * therefore rejects, like every other error. Requests the next pages with GET, even if the first request was a POST. If
 * the service does not know such a page, tries POST as well.
 */
export function pagedList<T>(
  context: ServiceContext,
  schema: ModelSchema<T>,
  call: Call,
  options: OperationOptions,
): PagedList<T> {
  return getPagedAsyncIterator<T, Page<T>, PageSettings>({
    firstPageLink: "",
    getPage: async (link) => {
      const { operation, success } = call;
      const first = requestOf(context, call);
      const request: ServiceRequest = link === "" ? first : { operation, method: "GET", url: link, success };
      const { response, body } = await send(context, request, options).catch((error: unknown) => {
        if (link === "" || call.method !== "POST" || !wantsAnotherMethod(error)) throw error;
        return send(context, { ...request, method: "POST" }, options);
      });
      if (!isJsonObject(body)) throw unreadableError(operation, response);
      return readPage(schema, body, request);
    },
  });
}

function wantsAnotherMethod(error: unknown): boolean {
  return isRestError(error) && (error.statusCode === 404 || error.statusCode === 405);
}

function readPage<T>(
  schema: ModelSchema<T>,
  body: Record<string, unknown>,
  { operation, url }: ServiceRequest,
): { page: Page<T>; nextPageLink?: string } {
  const items = Array.isArray(body.value) ? body.value.map((item: unknown) => deserialize(schema, item)) : [];
  if (typeof body.nextLink !== "string" || body.nextLink === "") return { page: items };
  if (body.nextLink === url) {
    const message = `${operation}: the service returned a page that names itself as the next page, so the list would never end`;
    throw restError(message, { code: "EndlessList" });
  }
  return { page: Object.assign(items, { continuationToken: body.nextLink }), nextPageLink: body.nextLink };
}
