import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AzureFileShareReference } from "../../models/mountVolumes.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { credentialsIssues } from "./credentials.ts";
import type { MountCommand } from "./mountCommand.ts";
import { mountedOr, mountError, rightsAdvice } from "./mountError.ts";
import type { MountPlace } from "./mounts.ts";
import type { AttachContext, AttachedVolume, VolumeHost, VolumeKind } from "./volume.ts";

/**
 * Azure file shares. A share of a storage account that this service hosts is its folder; one of any other account is
 * mounted by the kernel, where it can.
 */
export const azureFileShares: VolumeKind<"azureFileShares"> = {
  property: "azureFileShares",

  issues({ credentials, fileMode, directoryMode }, path) {
    return [
      ...credentialsIssues(credentials, `${path}.credentials`),
      ...modeIssues(fileMode, `${path}.fileMode`),
      ...modeIssues(directoryMode, `${path}.directoryMode`),
    ];
  },

  needs: () => [],

  async attach(reference, context) {
    const foreign = foreignShareIn(reference, context.host);
    return foreign ? await mountedShare(reference, foreign, context) : hostedShare(reference, context.host);
  },
};

function modeIssues(mode: string | undefined, path: string): ValidationIssue[] {
  if (mode === undefined || /^0?[0-7]{3}$/.test(mode)) return [];
  return [{ path, message: `must be permissions in octal, such as 0777, got ${JSON.stringify(mode)}` }];
}

/** A share of an account that the service does not host. */
interface ForeignShare {
  readonly server: string;
  readonly shareName: string;
}

/** Reads the URL of a share; undefined if the service hosts its account, or it is not the URL of that account. */
function foreignShareIn(
  { accountName, azureFileUrl }: AzureFileShareReference,
  host: VolumeHost,
): ForeignShare | undefined {
  const [, server = "", account = "", path = ""] =
    /^https:\/\/(([a-z0-9]{3,24})\.file\.[a-z0-9.-]+)\/(.*)$/i.exec(azureFileUrl) ?? [];
  const isOther = account !== "" && account.toLowerCase() === accountName.toLowerCase();
  if (!isOther || hostedAccount(account, host) !== undefined) return undefined;
  return { server: server.toLowerCase(), shareName: shareNameIn(path.toLowerCase(), azureFileUrl) };
}

async function mountedShare(
  reference: AzureFileShareReference,
  share: ForeignShare,
  { host, mount }: AttachContext,
): Promise<AttachedVolume> {
  const known = host.accountNames.join(", ");
  const advice = [
    `This service does not host the account ${reference.accountName} (it hosts: ${known}), so it mounts the share by`,
    "mount -t cifs, which needs the package cifs-utils, a kernel with cifs, and port 445 of the account.",
    rightsAdvice(),
  ];
  let credentialsFile: string | undefined;
  const source = await mountedOr(
    "Azure File",
    reference.azureFileUrl,
    advice.filter(Boolean).join(" "),
    mount(async (place) => {
      credentialsFile = join(place.files, "credentials");
      return await cifsCommand(reference, share, place, credentialsFile);
    }).finally(async () => {
      if (credentialsFile !== undefined) await rm(credentialsFile, { force: true });
    }),
  );
  return { source, isMount: true };
}

/** The key is in a file that only the user of the service can read: command lines are visible to all users. */
async function cifsCommand(
  { accountName, credentials, fileMode = "0777", directoryMode = "0777" }: AzureFileShareReference,
  { server, shareName }: ForeignShare,
  { target }: MountPlace,
  credentialsFile: string,
): Promise<MountCommand> {
  const { accountKey = "" } = credentials;
  await writeFile(credentialsFile, `username=${accountName}\npassword=${accountKey}\n`, { mode: 0o600 });
  const options = ["vers=3.0", `credentials=${credentialsFile}`, `file_mode=${fileMode}`, `dir_mode=${directoryMode}`];
  return {
    name: "mount",
    program: "mount",
    args: ["-t", "cifs", `//${server}/${shareName}`, target, "-o", [...options, "serverino"].join(",")],
    secrets: [accountKey],
  };
}

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
    const accountName = hostedAccount(account, host);
    return accountName === undefined ? undefined : { accountName, path: path.toLowerCase() };
  }
  for (const accountName of host.accountNames) {
    const prefix = `${host.fileEndpoint(accountName)}/`;
    if (azureFileUrl.startsWith(prefix)) return { accountName, path: azureFileUrl.slice(prefix.length) };
  }
  return undefined;
}

function hostedAccount(account: string, { accountNames }: VolumeHost): string | undefined {
  return accountNames.find((name) => name.toLowerCase() === account.toLowerCase());
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
