import type { Account } from "./recipes.ts";

/**
 * Turns a job file into the properties that `az batchai job create -f` sends: replaces the name of the account, reads a
 * missing account name from the URL of the share, and fills in credentials. Drops members that are not of the API.
 */
export function azJobCreate(text: string, { accountName, accountKey }: Account): Record<string, unknown> {
  const file = JSON.parse(text.replaceAll("<AZURE_BATCHAI_STORAGE_ACCOUNT>", accountName)) as JobFile;
  const { toolType: _toolType, mountVolumes, ...properties } = file.properties;
  if (mountVolumes === undefined) return properties;
  const filled = Object.entries(mountVolumes).map(([kind, volumes]) => [
    kind,
    volumes.map((volume) => ({ accountName, credentials: { accountKey }, ...volume })),
  ]);
  return { ...properties, mountVolumes: Object.fromEntries(filled) as unknown };
}

interface JobFile {
  readonly properties: {
    readonly toolType?: string;
    readonly mountVolumes?: Readonly<Record<string, readonly Record<string, unknown>[]>>;
  };
}
