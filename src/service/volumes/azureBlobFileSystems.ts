import type { AzureBlobFileSystemReference } from "../../models/mountVolumes.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import type { BlobContainer } from "./blobContainer.ts";
import { BlobContainerError, checkContainer } from "./blobContainer.ts";
import { blobMountCommand, blobProgramNames } from "./blobPrograms.ts";
import { credentialsIssues } from "./credentials.ts";
import { mountedOr, mountError } from "./mountError.ts";
import type { AttachContext, AttachedVolume, VolumeHost, VolumeKind } from "./volume.ts";

const containerNameRule = /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const accountNameRule = /^[a-z0-9]{3,24}$/i;

/**
 * Azure blob containers. A container of a storage account that this service hosts is the file share of that name; one of
 * any other account is mounted with a program of this machine.
 */
export const azureBlobFileSystems: VolumeKind<"azureBlobFileSystems"> = {
  property: "azureBlobFileSystems",

  issues({ accountName, containerName, credentials }, path) {
    const issues: ValidationIssue[] = [];
    if (!accountNameRule.test(accountName)) {
      issues.push({ path: `${path}.accountName`, message: "must be 3 to 24 letters and digits" });
    }
    if (containerName.startsWith("$")) {
      const message = `the system container ${containerName} cannot be mounted. Use a container of your own`;
      issues.push({ path: `${path}.containerName`, message });
    } else if (!containerNameRule.test(containerName)) {
      const message =
        "must be 3 to 63 lowercase letters, digits and single hyphens, with a letter or digit at both ends";
      issues.push({ path: `${path}.containerName`, message });
    }
    return [...issues, ...credentialsIssues(credentials, `${path}.credentials`)];
  },

  needs: () => [],

  async attach(reference, context) {
    return hostedContainer(reference, context.host) ?? (await foreignContainer(reference, context));
  },
};

/** Returns a container as its reference and the storage suffix of the service describe it. */
export function containerIn(
  { accountName, containerName, credentials }: AzureBlobFileSystemReference,
  suffix: string,
): BlobContainer {
  return { accountName: accountName.toLowerCase(), containerName, accountKey: credentials.accountKey ?? "", suffix };
}

/**
 * Finds the share that a container of a hosted account is; undefined if the service does not host the account.
 * @throws StartError if the key is wrong, or there is no such share.
 */
function hostedContainer(reference: AzureBlobFileSystemReference, host: VolumeHost): AttachedVolume | undefined {
  const { containerName, credentials } = reference;
  const wanted = reference.accountName.toLowerCase();
  const accountName = host.accountNames.find((name) => name.toLowerCase() === wanted);
  if (accountName === undefined) return undefined;
  if (!host.holdsKey(accountName, credentials.accountKey ?? "")) {
    throw failure(reference, `the account key for ${accountName} is missing or wrong.`);
  }
  const share = { accountName, shareName: containerName };
  const found = host.findShare(share);
  if ("problem" in found) {
    const reason = `a container of the account ${accountName} is the file share of that name on this service`;
    throw failure(reference, `${reason}, and ${found.problem}`);
  }
  return { source: found.folder, share };
}

async function foreignContainer(
  reference: AzureBlobFileSystemReference,
  { host, mount, abortSignal }: AttachContext,
): Promise<AttachedVolume> {
  const command = await blobMountCommand();
  if (command === undefined) {
    const known = host.accountNames.join(", ");
    const reason = `this service does not host the account ${reference.accountName} (it hosts: ${known})`;
    throw failure(reference, `${reason}, and this machine has no ${blobProgramNames}. Install one of them.`);
  }
  const container = containerIn(reference, host.storageSuffix);
  // The programs mount a container that they cannot read, and only its users see why.
  await checkContainer(container, abortSignal).catch((error: unknown) => {
    if (error instanceof BlobContainerError) throw failure(reference, `${error.message}.`);
    throw error;
  });
  const isReadOnly = /(^|[\s,])(ro|--read-only)($|[\s,])/.test(reference.mountOptions ?? "");
  const source = await mountedOr(
    "blob container",
    nameOf(reference),
    "",
    mount((place) => command({ container, isReadOnly }, place)),
  );
  const { accountName, containerName } = container;
  return { source, container: { accountName, containerName }, isMount: true };
}

function nameOf({ accountName, containerName }: AzureBlobFileSystemReference): string {
  return `${accountName}/${containerName}`;
}

function failure(reference: AzureBlobFileSystemReference, reason: string): Error {
  return mountError("blob container", nameOf(reference), reason);
}
