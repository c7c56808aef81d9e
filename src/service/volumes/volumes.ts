import type { AzureFileShareReference, FileServerReference, MountVolumes } from "../../models/mountVolumes.ts";
import type { SchedulerContext } from "../scheduler/context.ts";
import { StartError } from "../startError.ts";
import { fileServerDirectory } from "../dataFolders.ts";

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

/** A volume and the folder under the mount root at which jobs find it. */
export interface VolumeMount {
  /** Absolute folder of its content. */
  readonly source: string;
  readonly relativeMountPath: string;
  /** The file share that it is; only the files of shares can be listed through the API. */
  readonly share?: { readonly accountName: string; readonly shareName: string };
}

function mountError(kind: "Azure File" | "file server", volume: string, reason: string): StartError {
  return new StartError(kind === "Azure File" ? "AZFMountError" : "NFSMountError", `Unable to mount ${kind}`, {
    details: [
      { name: "Volume", value: volume },
      { name: "Info", value: reason },
    ],
  });
}

/**
 * Finds the folders behind the volumes of a cluster or job, shares before file servers.
 * @throws StartError when a share is not one of this service or does not exist, its key is wrong, or a file server is gone.
 */
export function mountsOf(volumes: MountVolumes | undefined, context: SchedulerContext): VolumeMount[] {
  const { azureFileShares = [], fileServers = [] } = volumes ?? {};
  return [
    ...azureFileShares.map((reference) => shareMount(reference, context.shares)),
    ...fileServers.map((reference) => fileServerMount(reference, context)),
  ];
}

function shareMount(reference: AzureFileShareReference, host: ShareHost): VolumeMount {
  const { accountName, azureFileUrl, relativeMountPath } = reference;
  const fail = (reason: string) => mountError("Azure File", azureFileUrl, reason);
  const share = shareNamedBy(azureFileUrl, host);
  if (share?.accountName.toLowerCase() !== accountName.toLowerCase()) {
    const known = host.accountNames.join(", ");
    throw fail(`it is not a share of account ${accountName} on this service, which hosts: ${known}.`);
  }
  if (!host.holdsKey(share.accountName, reference.credentials.accountKey ?? "")) {
    throw fail(`the account key for ${accountName} is missing or wrong.`);
  }
  const source = host.shareFolder(share.accountName, share.shareName);
  if (source === undefined) throw fail(`share ${share.shareName} does not exist. Create it first.`);
  return { source, relativeMountPath, share };
}

function fileServerMount(reference: FileServerReference, context: SchedulerContext): VolumeMount {
  const { fileServer, sourceDirectory = "", relativeMountPath } = reference;
  const found = context.store.resources.find("fileServers", fileServer.id);
  if (!found) throw mountError("file server", fileServer.id, "the file server does not exist any more.");
  const source = fileServerDirectory(context, found.sequence, sourceDirectory);
  if (source === undefined) {
    throw mountError("file server", fileServer.id, `the directory ${sourceDirectory} is not a folder on it.`);
  }
  return { source, relativeMountPath };
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

/** The share that holds an absolute path, by the absolute paths at which volumes are mounted. */
export function locationOnShare(
  path: string,
  mounted: readonly (VolumeMount & { readonly target: string })[],
): { accountName: string; shareName: string; path: string } | undefined {
  const mount = mounted.find(({ target }) => path === target || path.startsWith(`${target}/`));
  return mount?.share && { ...mount.share, path: path.slice(mount.target.length + 1) };
}
