import type { AzureFileShareReference } from "../../models/mountVolumes.ts";
import { keyVaultIssue } from "../keyVault.ts";
import { mountError } from "./mountError.ts";
import type { AttachedVolume, VolumeHost, VolumeKind } from "./volume.ts";

/** Azure file shares: those of the storage accounts that this service hosts. */
export const azureFileShares: VolumeKind<"azureFileShares"> = {
  property: "azureFileShares",

  issues({ credentials }, path) {
    if (credentials.accountKeySecretReference) return [keyVaultIssue(`${path}.credentials`, "accountKey")];
    return credentials.accountKey ? [] : [{ path: `${path}.credentials.accountKey`, message: "is required" }];
  },

  needs: () => [],

  attach: async (reference, host) => hostedShare(reference, host),
};

/**
 * Finds the folder of a share that this service hosts.
 * @throws StartError if it is not one of them, its key is wrong, or it does not exist.
 */
function hostedShare(reference: AzureFileShareReference, host: VolumeHost): AttachedVolume {
  const { accountName, azureFileUrl, credentials } = reference;
  const named = placeNamedBy(azureFileUrl, host);
  if (named?.accountName.toLowerCase() !== accountName.toLowerCase()) {
    const known = host.accountNames.join(", ");
    throw mountError(
      "Azure File",
      azureFileUrl,
      `it is not a share of account ${accountName} on this service, which hosts: ${known}.`,
    );
  }
  if (!host.holdsKey(named.accountName, credentials.accountKey ?? "")) {
    throw mountError("Azure File", azureFileUrl, `the account key for ${accountName} is missing or wrong.`);
  }
  const share = { accountName: named.accountName, shareName: shareNameIn(named.path, azureFileUrl) };
  const found = host.findShare(share);
  if ("problem" in found) throw mountError("Azure File", azureFileUrl, found.problem);
  return { source: found.folder, share };
}

/** Reads the URL of a share, which may be the one of Azure or the one of this service. */
function placeNamedBy(azureFileUrl: string, host: VolumeHost): { accountName: string; path: string } | undefined {
  const azure = /^https?:\/\/([a-z0-9]+)\.file\.[a-z0-9.-]+\/(.*)$/i.exec(azureFileUrl);
  if (azure) {
    const [, account = "", path = ""] = azure;
    const accountName = host.accountNames.find((name) => name.toLowerCase() === account.toLowerCase());
    return accountName === undefined ? undefined : { accountName, path: path.toLowerCase() };
  }
  for (const accountName of host.accountNames) {
    const prefix = `${host.fileEndpoint(accountName)}/`;
    if (azureFileUrl.startsWith(prefix)) return { accountName, path: azureFileUrl.slice(prefix.length) };
  }
  return undefined;
}

function shareNameIn(path: string, azureFileUrl: string): string {
  const [shareName = "", ...directories] = path.replace(/\/$/, "").split("/");
  if (!/^[a-z0-9-]+$/.test(shareName)) {
    throw mountError(
      "Azure File",
      azureFileUrl,
      `"${shareName}" is not a share name. End the URL with the name of a share.`,
    );
  }
  if (directories.length > 0) {
    const reason = `the URL names the directory ${directories.join("/")} in share ${shareName}.`;
    throw mountError(
      "Azure File",
      azureFileUrl,
      `${reason} Mount the whole share, and name the directory where you use it.`,
    );
  }
  return shareName;
}
