import type { AzureFileShareReference, FileServerReference, MountVolumes } from "../../models/mountVolumes.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { isWorkspaceChildId } from "../../wire/resourceIds.ts";

const notYet = {
  azureBlobFileSystems: "blob containers cannot be mounted: this service has no blob storage. Use azureFileShares",
  unmanagedFileSystems: "unmanaged file systems cannot be mounted yet. Use azureFileShares or fileServers",
} as const;

/** What this service cannot mount, or cannot mount where it is asked to. */
export function volumeIssues(volumes: MountVolumes | undefined, path: string): ValidationIssue[] {
  if (!volumes) return [];
  const kinds = Object.keys(notYet) as (keyof typeof notYet)[];
  const unsupported = kinds
    .filter((kind) => (volumes[kind]?.length ?? 0) > 0)
    .map((kind) => ({ path: `${path}.${kind}`, message: notYet[kind] }));
  const { azureFileShares = [], fileServers = [] } = volumes;
  return [
    ...unsupported,
    ...azureFileShares.flatMap((share, index) => fileShareIssues(share, `${path}.azureFileShares[${String(index)}]`)),
    ...fileServers.flatMap((server, index) => fileServerIssues(server, `${path}.fileServers[${String(index)}]`)),
    ...mountPathIssues(volumes, path),
  ];
}

function fileShareIssues({ credentials }: AzureFileShareReference, path: string): ValidationIssue[] {
  if (credentials.accountKeySecretReference) {
    return [{ path: `${path}.credentials.accountKeySecretReference`, message: `${noKeyVault} accountKey` }];
  }
  return credentials.accountKey ? [] : [{ path: `${path}.credentials.accountKey`, message: "is required" }];
}

function fileServerIssues({ fileServer, sourceDirectory }: FileServerReference, path: string): ValidationIssue[] {
  const issues: ValidationIssue[] = [];
  if (!isWorkspaceChildId(fileServer.id, "fileServers")) {
    issues.push({
      path: `${path}.fileServer.id`,
      message: "must be the ARM id of a file server, as fileServers.get answers it",
    });
  }
  if (sourceDirectory !== undefined && !isContained(sourceDirectory)) {
    issues.push({ path: `${path}.sourceDirectory`, message: "must be a path on the file server, without '..'" });
  }
  return issues;
}

/** Explains that a secret has to be given by value. */
export const noKeyVault = "Key Vault cannot be reached from this service. Give the value itself as";

function mountPathIssues({ azureFileShares = [], fileServers = [] }: MountVolumes, path: string): ValidationIssue[] {
  const mountPaths = [
    ...azureFileShares.map((share, index) => ({
      at: `azureFileShares[${String(index)}]`,
      to: share.relativeMountPath,
    })),
    ...fileServers.map((server, index) => ({ at: `fileServers[${String(index)}]`, to: server.relativeMountPath })),
  ];
  const used = new Set<string>();
  return mountPaths.flatMap(({ at, to }) => {
    const message = !isBelow(to)
      ? "must be a relative path below the mount root, without '..'"
      : used.has(to)
        ? `${JSON.stringify(to)} is taken by another volume`
        : undefined;
    used.add(to);
    return message === undefined ? [] : [{ path: `${path}.${at}.relativeMountPath`, message }];
  });
}

function isBelow(path: string): boolean {
  const isSomewhere = path.split("/").some((segment) => segment !== "" && segment !== ".");
  return isSomewhere && !path.startsWith("/") && isContained(path);
}

function isContained(path: string): boolean {
  return !path.includes("\0") && !path.split("/").includes("..");
}
