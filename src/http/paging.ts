import { getPagedAsyncIterator } from "@azure/core-paging";
import type { PagedAsyncIterableIterator, PagedResult } from "@azure/core-paging";
import { isRestError } from "@azure/core-rest-pipeline";
import type { RestError } from "@azure/core-rest-pipeline";
import { read } from "../wire/jsonObject.ts";
import type { ModelSchema } from "../wire/schema.ts";
import { requestOf } from "./call.ts";
import type { Call } from "./call.ts";
import type { ServiceContext } from "./context.ts";
import { unreadableError } from "./errors.ts";
import type { OperationOptions } from "./options.ts";
import { readItems } from "./readModel.ts";
import { send } from "./request.ts";
import type { ServiceRequest, ServiceResponse } from "./request.ts";
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
 * A list. Iterate over its items once, or over its pages with `byPage`, which starts again each time. Sends its first
 * request when you start to iterate.
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
  const getPage = async (link: string, walked: Set<string>): Promise<PageOfWalk<T>> => {
    const { operation, success } = call;
    const first = requestOf(context, call);
    const request: ServiceRequest = link === "" ? first : { operation, method: "GET", url: link, success };
    walked.add(request.url);
    const received = await send(context, request, options).catch((error: unknown) => {
      if (link === "" || call.method !== "POST" || !wantsAnotherMethod(error)) throw error;
      return send(context, { ...request, method: "POST" }, options);
    });
    const page: Page<T> = readItems(schema, operation, received);
    const nextPageLink = readNextLink(operation, received);
    if (nextPageLink === undefined) return { page };
    if (walked.has(nextPageLink)) throw endlessList(operation);
    return { page: Object.assign(page, { continuationToken: nextPageLink }), nextPageLink };
  };
  const newWalk = (): PagedResult<Page<T>, PageSettings> => {
    const walked = new Set<string>();
    return { firstPageLink: "", getPage: (link) => getPage(link, walked) };
  };
  // Several walks over one list can be in progress at once. Each has its own links, so a page that two of them request
  // is not a page that comes twice.
  return getPagedAsyncIterator<T, Page<T>, PageSettings>({
    ...newWalk(),
    byPage: (settings) => getPagedAsyncIterator<T, Page<T>, PageSettings>(newWalk()).byPage(settings),
  });
}

interface PageOfWalk<T> {
  readonly page: Page<T>;
  readonly nextPageLink?: string;
}

function wantsAnotherMethod(error: unknown): boolean {
  return isRestError(error) && (error.statusCode === 404 || error.statusCode === 405);
}

/** Reads the URL of the next page. Resolves a relative URL against the URL of this page, as in RFC 3986. */
function readNextLink(operation: string, { response, body }: ServiceResponse): string | undefined {
  const nextLink = read(body, "nextLink");
  if (typeof nextLink !== "string" || nextLink === "") return undefined;
  if (URL.canParse(nextLink)) return nextLink;
  const base = response.request.url;
  if (!URL.canParse(nextLink, base)) throw unreadableError(operation, response, "nextLink is not a valid URL");
  return new URL(nextLink, base).href;
}

function endlessList(operation: string): RestError {
  const problem = "a page names itself or an earlier page as the next page, so the list would never end";
  const message = `${operation}: ${problem}`;
  return restError(message, { code: "EndlessList" });
}
