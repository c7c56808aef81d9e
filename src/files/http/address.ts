import { checkPath, isAccountName, isShareName } from "../disk/names.ts";
import { StorageError } from "../errors.ts";

/** What the address of a request, or of the source of a copy, points at. */
export interface Address {
  /** Path exactly as it came, still percent-encoded: that is what clients sign. */
  readonly encodedPath: string;
  /** Account that the host, the path, the signer or the lack of a second account names. */
  readonly account: string;
  /** Start of the addresses of this account's shares: empty, or `/ACCOUNT`. */
  readonly accountPath: string;
  /** Share, where the address names one. */
  readonly share: string | undefined;
  /** Decoded and checked names below the share. */
  readonly path: readonly string[];
  /** Query parameters by lower-case name, decoded. */
  readonly query: ReadonlyMap<string, string>;
}

/** What besides the path may tell which account is meant. */
export interface AccountHints {
  /** Host of the address; `ACCOUNT.file.ANYTHING` names an account. */
  readonly host: string;
  /** Account in whose name the request is signed. */
  readonly signer?: string | undefined;
  /** Whether the endpoint hosts an account of that name. */
  readonly hosts: (account: string) => boolean;
  /** The account, where the endpoint hosts just one. */
  readonly onlyAccount: string | undefined;
}

/**
 * Takes an address apart, from the first slash of its path on. Throws when it cannot be one of this endpoint.
 *
 * The account is the first name of the path, as in emulators, unless the host names it, as in Azure. The official
 * client forgets the account in the address of the new name of something; then the signer tells, or there is only one.
 */
export function parseAddress(text: string, hints: AccountHints): Address {
  if (!text.startsWith("/")) throw new StorageError("InvalidUri");
  const queryStart = text.indexOf("?");
  const encodedPath = queryStart < 0 ? text : text.slice(0, queryStart);
  const names = namesOf(encodedPath);
  const fromHost = accountOfHost(hints);
  const account = fromHost ?? accountOf(names[0], hints);
  if (account === undefined || !isAccountName(account)) throw new StorageError("InvalidUri");
  const isInPath = fromHost === undefined && names[0] === account;
  const [share, ...path] = isInPath ? names.slice(1) : names;
  // The Python client has a slash too many in the paths of what lies in the root of a share.
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

/** The hosted account that a host of the form `ACCOUNT.file.ANYTHING` names. */
export function accountOfHost({ host, hosts }: Pick<AccountHints, "host" | "hosts">): string | undefined {
  const account = /^([a-z0-9]+)\.file\./i.exec(host)?.[1]?.toLowerCase();
  return account !== undefined && hosts(account) ? account : undefined;
}

function accountOf(first: string | undefined, { hosts, signer, onlyAccount }: AccountHints): string | undefined {
  if (first === undefined || hosts(first)) return first;
  return signer !== undefined && hosts(signer) ? signer : (onlyAccount ?? first);
}

/** A slash separates names even when it comes encoded: that is how the Python client sends the paths of directories. */
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
