import { createHmac } from "node:crypto";
import { parseXML } from "@azure/core-xml";
import { reasonOf } from "../../ground/systemErrors.ts";
import type { ContainerName } from "./volume.ts";

const sasVersion = "2018-03-28";
const requestLimitInMs = 30_000;
/** Most entries that an account returns at once. */
const mostOfPage = 5000;
const ownLinkInMs = 15 * 60_000;

/** A blob container of an account that the service does not host, with the key of the account. */
export interface BlobContainer extends ContainerName {
  readonly accountKey: string;
  /** End of the host name of the account, such as `core.windows.net`. May contain a port. */
  readonly suffix: string;
}

/** A blob, or a folder: the common beginning of the names of blobs. */
export interface BlobEntry {
  readonly name: string;
  /** Absent for a folder. */
  readonly blob?: { readonly contentLength: number; readonly lastModified: Date };
}

/** Reports that a container cannot be read. The message is one clause without secrets. */
export class BlobContainerError extends Error {
  override readonly name = "BlobContainerError";
}

/** Returns a URL with which anyone can download a blob until it expires. */
export function blobUrl(container: BlobContainer, path: string, expiresOn: Date): string {
  const resource = `${resourceOf(container)}/${path}`;
  const query = signature(container, resource, { sr: "b", sp: "r" }, expiresOn);
  return `${urlOf(container)}/${path.split("/").map(encodeURIComponent).join("/")}?${query.toString()}`;
}

/** Rejects with a `BlobContainerError` if the container cannot be read with its key. */
export async function checkContainer(container: BlobContainer, abortSignal: AbortSignal): Promise<void> {
  await listPage(container, { maxresults: "1" }, AbortSignal.timeout(requestLimitInMs), abortSignal);
}

/** An entry in a list, with its position in the list. */
export type ListedEntry = BlobEntry & { readonly position: string };

/**
 * Returns the entries of a folder in a container, in the order of the account. Begins with the page of the account that
 * contains the position, so a list that is read in sections costs little more than one. Rejects with a
 * `BlobContainerError`, also if the account takes more than 30 seconds for all pages.
 * @param folder - Path of the folder without a slash at its end; empty for the container itself.
 * @param section - `limit`: number of entries at most. `after`: position of the entry before them.
 */
export async function listBlobs(
  container: BlobContainer,
  folder: string,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<ListedEntry[]> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const parameters = { prefix, delimiter: "/", include: "metadata", maxresults: String(Math.min(limit, mostOfPage)) };
  const timeLimit = AbortSignal.timeout(requestLimitInMs);
  const start = after === undefined ? undefined : positionIn(after);
  const found: ListedEntry[] = [];
  let marker: string | undefined = start?.marker ?? "";
  while (marker !== undefined && found.length < limit) {
    const ofPage: string = marker;
    const page = await listPage(container, { ...parameters, marker }, timeLimit);
    const entries = page.entries.map((entry) => ({ ...entry, name: entry.name.slice(prefix.length) }));
    entries.sort((a, b) => compareBytes(sortedName(a), sortedName(b)));
    const following = entries.filter((entry) => entry.name !== "" && isAfter(entry, start?.name));
    found.push(...following.map((entry) => ({ ...entry, position: `${ofPage}\n${sortedName(entry)}` })));
    marker = page.next;
  }
  return found.slice(0, limit);
}

/** Returns the marker of the account for the page that contains a position, and the name of the entry as it is sorted. */
function positionIn(position: string): { readonly marker: string; readonly name: string } {
  const end = position.indexOf("\n");
  return { marker: position.slice(0, Math.max(end, 0)), name: position.slice(end + 1) };
}

/** The account compares the names of blobs as bytes. */
function sortedName({ name, blob }: BlobEntry): string {
  return blob ? name : `${name}/`;
}

function isAfter(entry: BlobEntry, after: string | undefined): boolean {
  return after === undefined || compareBytes(sortedName(entry), after) > 0;
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function listPage(
  container: BlobContainer,
  parameters: Readonly<Record<string, string>>,
  timeLimit: AbortSignal,
  abortSignal?: AbortSignal,
): Promise<{ readonly entries: BlobEntry[]; readonly next: string | undefined }> {
  const query = signature(container, resourceOf(container), { sr: "c", sp: "rl" }, new Date(Date.now() + ownLinkInMs));
  for (const [name, value] of Object.entries({ restype: "container", comp: "list", ...parameters })) {
    if (value !== "") query.set(name, value);
  }
  const signal = abortSignal ? AbortSignal.any([abortSignal, timeLimit]) : timeLimit;
  let response: Response;
  let body: string;
  try {
    response = await fetch(`${urlOf(container)}?${query.toString()}`, { signal });
    body = await response.text();
  } catch (error) {
    abortSignal?.throwIfAborted();
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new BlobContainerError(`${urlOf(container)} cannot be reached: ${reasonOf(cause)}`);
  }
  if (!response.ok) throw new BlobContainerError(reasonIn(container, response));
  return pageIn((await parseXML(body)) as ListDocument);
}

function reasonIn({ accountName, containerName }: BlobContainer, response: Response): string {
  const code = response.headers.get("x-ms-error-code") ?? `status ${String(response.status)}`;
  if (code === "ContainerNotFound")
    return `the account ${accountName} has no container ${containerName}. Create it first`;
  if (response.status === 403) return `the account ${accountName} rejects its key (${code})`;
  return `the account ${accountName} refuses access to the container ${containerName} (${code})`;
}

/** The part of the response that is read. The parser returns a single element as itself, and several as an array. */
interface ListDocument {
  readonly Blobs?: {
    readonly Blob?: BlobElement | BlobElement[];
    readonly BlobPrefix?: PrefixElement | PrefixElement[];
  };
  readonly NextMarker?: string;
}
interface PrefixElement {
  readonly Name: string;
}
interface BlobElement extends PrefixElement {
  /** blobfuse writes an empty blob for each folder, which would show the folder twice. */
  readonly Metadata?: { readonly hdi_isfolder?: string };
  readonly Properties?: { readonly "Content-Length"?: string; readonly "Last-Modified"?: string };
}

function pageIn({ Blobs, NextMarker }: ListDocument): { entries: BlobEntry[]; next: string | undefined } {
  const elements = listOf(Blobs?.Blob).filter(({ Metadata }) => Metadata?.hdi_isfolder !== "true");
  const blobs = elements.map(({ Name, Properties }) => ({
    name: Name,
    blob: {
      contentLength: Number(Properties?.["Content-Length"] ?? 0),
      lastModified: new Date(Properties?.["Last-Modified"] ?? 0),
    },
  }));
  const folders = listOf(Blobs?.BlobPrefix).map(({ Name }) => ({ name: Name.replace(/\/$/, "") }));
  return {
    entries: [...blobs, ...folders],
    next: NextMarker === undefined || NextMarker === "" ? undefined : NextMarker,
  };
}

function listOf<T>(elements: T | readonly T[] | undefined): readonly T[] {
  if (elements === undefined) return [];
  return Array.isArray(elements) ? (elements as readonly T[]) : [elements as T];
}

function urlOf({ accountName, containerName, suffix }: BlobContainer): string {
  return `https://${accountName}.blob.${suffix}/${containerName}`;
}

function resourceOf({ accountName, containerName }: ContainerName): string {
  return `/blob/${accountName}/${containerName}`;
}

/** Returns the query string of a service SAS. */
function signature(
  { accountKey }: BlobContainer,
  resource: string,
  { sr, sp }: { readonly sr: string; readonly sp: string },
  expiresOn: Date,
): URLSearchParams {
  const se = expiresOn.toISOString().replace(/\.\d+Z$/, "Z");
  const fields = [sp, "", se, resource, "", "", "https", sasVersion, "", "", "", "", ""];
  const sig = createHmac("sha256", Buffer.from(accountKey, "base64")).update(fields.join("\n")).digest("base64");
  return new URLSearchParams({ sv: sasVersion, sr, sig, se, sp, spr: "https" });
}
