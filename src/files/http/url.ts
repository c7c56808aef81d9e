import { checkPath, isAccountName, isShareName } from "../disk/names.ts";
import { StorageError } from "../errors.ts";

/** Parts of the URL of a request, or of the source of a copy. */
export interface UrlParts {
  /** Path as it was sent, percent-encoded. Clients sign it. */
  readonly encodedPath: string;
  /** Name of the account. */
  readonly account: string;
  /** Start of the paths of this account's shares: empty, or `/ACCOUNT`. */
  readonly accountPath: string;
  /** Name of the share; undefined if the URL has none. */
  readonly share: string | undefined;
  /** Decoded and checked names in the share. */
  readonly path: readonly string[];
  /** Decoded query parameters, by lowercase name. */
  readonly query: ReadonlyMap<string, string>;
}

/** Hints, apart from the path, for the account of a URL. */
export interface AccountHints {
  /** Host of the URL. `ACCOUNT.file.ANYTHING` names an account. */
  readonly host: string;
  /** Account whose key signed the request. */
  readonly signer?: string | undefined;
  /** Returns whether the endpoint hosts an account. */
  readonly hosts: (account: string) => boolean;
  /** The account, if the endpoint hosts only one. */
  readonly onlyAccount: string | undefined;
}

/**
 * Parses a URL, from the first slash of its path. Throws if it is not a URL of this endpoint.
 *
 * The first name of the path is the account, as in emulators, unless the host names the account, as in Azure. The
 * official client omits the account in the URL of the new name when it renames something. In this case, the account is
 * the one that signed the request, or the only one.
 */
export function parseUrl(text: string, hints: AccountHints): UrlParts {
  if (!text.startsWith("/")) throw new StorageError("InvalidUri");
  const queryStart = text.indexOf("?");
  const encodedPath = queryStart < 0 ? text : text.slice(0, queryStart);
  const names = namesOf(encodedPath);
  const fromHost = accountOfHost(hints);
  const account = fromHost ?? accountOf(names[0], hints);
  if (account === undefined || !isAccountName(account)) throw new StorageError("InvalidUri");
  const isInPath = fromHost === undefined && names[0] === account;
  const [share, ...path] = isInPath ? names.slice(1) : names;
  // The Python client sends an extra slash in the paths of entries in the root of a share.
  while (path[0] === "") path.shift();
  if (share !== undefined && !isShareName(share)) throw new StorageError("InvalidResourceName");
  checkPath(path);
  return {
    encodedPath,
    account,
    accountPath: fromHost === undefined ? `/${account}` : "",
    share,
    path,
    query: parseQuery(queryStart < 0 ? "" : text.slice(queryStart + 1)),
  };
}

/** Returns the hosted account in a host of the form `ACCOUNT.file.ANYTHING`. */
export function accountOfHost({ host, hosts }: Pick<AccountHints, "host" | "hosts">): string | undefined {
  const account = /^([a-z0-9]+)\.file\./i.exec(host)?.[1]?.toLowerCase();
  return account !== undefined && hosts(account) ? account : undefined;
}

function accountOf(first: string | undefined, { hosts, signer, onlyAccount }: AccountHints): string | undefined {
  if (first === undefined || hosts(first)) return first;
  return signer !== undefined && hosts(signer) ? signer : (onlyAccount ?? first);
}

/** Slashes separate names even if they are encoded: the Python client sends the paths of directories this way. */
function namesOf(encodedPath: string): string[] {
  const names = decode(encodedPath.slice(1)).split("/");
  if (names.at(-1) === "") names.pop();
  return names;
}

function parseQuery(text: string): Map<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split("&").filter((part) => part !== "")) {
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals)).toLowerCase();
    if (query.has(name)) throw new StorageError("InvalidQueryParameterValue", { subject: name });
    query.set(name, equals < 0 ? "" : decode(pair.slice(equals + 1)));
  }
  return query;
}

function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new StorageError("InvalidUri");
  }
}
