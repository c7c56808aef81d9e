import type { AzureFileShareReference, MountVolumes } from "../../models/mountVolumes.ts";
import type { BatchAIError } from "../../models/error.ts";

/** Where the file shares that the service hosts lie. */
export interface ShareHost {
  /** Whether this is the key of that account. */
  holdsKey(accountName: string, accountKey: string): boolean;
  /** Absolute folder of a share; undefined when there is none. */
  shareFolder(accountName: string, shareName: string): string | undefined;
  /** Names of the accounts that the service hosts. */
  readonly accountNames: readonly string[];
  /** Addresses under which it answers for an account, for example `http://127.0.0.1:10101/account`. */
  fileEndpoint(accountName: string): string;
}

/** A file share and the folder under the mount root at which jobs find it. */
export interface ShareMount {
  readonly accountName: string;
  readonly shareName: string;
  /** Absolute folder of the share. */
  readonly source: string;
  readonly relativeMountPath: string;
}

/** Why a volume could not be mounted, in the shape in which clusters and jobs report it. */
export class MountError extends Error {
  readonly error: BatchAIError;

  constructor(volume: string, reason: string) {
    super(`Unable to mount Azure File: ${reason}`);
    this.name = "MountError";
    this.error = {
      code: "AZFMountError",
      message: "Unable to mount Azure File",
      details: [
        { name: "Volume", value: volume },
        { name: "Info", value: reason },
      ],
    };
  }
}

/**
 * Finds the folders behind the file shares of a cluster or job.
 * @throws MountError when a share is not one of this service, does not exist, or the key is wrong.
 */
export function sharesOf(volumes: MountVolumes | undefined, host: ShareHost): ShareMount[] {
  return (volumes?.azureFileShares ?? []).map((reference) => shareOf(reference, host));
}

function shareOf(reference: AzureFileShareReference, host: ShareHost): ShareMount {
  const { accountName, azureFileUrl, relativeMountPath } = reference;
  const named = shareNamedBy(azureFileUrl, host);
  if (named?.accountName.toLowerCase() !== accountName.toLowerCase()) {
    const known = host.accountNames.join(", ");
    throw new MountError(
      azureFileUrl,
      `it is not a share of account ${accountName} on this service, which hosts: ${known}.`,
    );
  }
  if (!host.holdsKey(named.accountName, reference.credentials.accountKey ?? "")) {
    throw new MountError(azureFileUrl, `the account key for ${accountName} is missing or wrong.`);
  }
  const source = host.shareFolder(named.accountName, named.shareName);
  if (source === undefined)
    throw new MountError(azureFileUrl, `share ${named.shareName} does not exist. Create it first.`);
  return { ...named, source, relativeMountPath };
}

/** Reads the address of a share: the one that Azure gives it, or the one under which this service answers. */
function shareNamedBy(azureFileUrl: string, host: ShareHost): { accountName: string; shareName: string } | undefined {
  const azure = /^https?:\/\/([a-z0-9]+)\.file\.[a-z0-9.-]+\/([a-z0-9-]+)\/?$/i.exec(azureFileUrl);
  if (azure) return hosted(azure[1] ?? "", azure[2] ?? "", host);
  for (const accountName of host.accountNames) {
    const prefix = `${host.fileEndpoint(accountName)}/`;
    const shareName = azureFileUrl.startsWith(prefix) ? azureFileUrl.slice(prefix.length).replace(/\/$/, "") : "";
    if (/^[a-z0-9-]+$/.test(shareName)) return { accountName, shareName };
  }
  return undefined;
}

function hosted(
  account: string,
  shareName: string,
  host: ShareHost,
): { accountName: string; shareName: string } | undefined {
  const accountName = host.accountNames.find((name) => name.toLowerCase() === account.toLowerCase());
  return accountName === undefined ? undefined : { accountName, shareName: shareName.toLowerCase() };
}

/** The share that holds an absolute path, by the absolute paths at which shares are mounted. */
export function locationOnShare(
  path: string,
  mounted: readonly (ShareMount & { readonly target: string })[],
): { accountName: string; shareName: string; path: string } | undefined {
  const mount = mounted.find(({ target }) => path === target || path.startsWith(`${target}/`));
  return (
    mount && { accountName: mount.accountName, shareName: mount.shareName, path: path.slice(mount.target.length + 1) }
  );
}
