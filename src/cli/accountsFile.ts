import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { StorageAccount } from "../files/filesService.ts";

/** Path of the file that keeps the accounts of a data folder, and their keys. */
function accountsFileOf(dataDir: string): string {
  return join(dataDir, "accounts.json");
}

/** Accounts that the data folder has already; none before its first start. */
export async function readAccounts(dataDir: string): Promise<StorageAccount[]> {
  const file = accountsFileOf(dataDir);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  const accounts = parse(text);
  if (accounts === undefined) {
    throw new Error(`${file} does not hold a list of accounts with "name" and "key". Mend it, or move it away.`);
  }
  return accounts;
}

function parse(text: string): StorageAccount[] | undefined {
  try {
    const accounts = JSON.parse(text) as unknown;
    return Array.isArray(accounts) && accounts.every(isAccount) ? accounts : undefined;
  } catch {
    return undefined;
  }
}

function isAccount(value: unknown): value is StorageAccount {
  const { name, key } = (value ?? {}) as Partial<Record<keyof StorageAccount, unknown>>;
  return typeof name === "string" && typeof key === "string";
}

/**
 * Writes the accounts, for the eyes of the owner alone, with what clients want to know about each.
 *
 * @returns The path of the file.
 */
export async function keepAccounts(
  dataDir: string,
  accounts: readonly StorageAccount[],
  fileEndpoint: (name: string) => string,
): Promise<string> {
  const described = accounts.map(({ name, key }) => ({
    name,
    key,
    fileEndpoint: fileEndpoint(name),
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${name};AccountKey=${key};FileEndpoint=${fileEndpoint(name)};`,
  }));
  const file = accountsFileOf(dataDir);
  const draft = `${file}.${process.pid}.tmp`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(described, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  const folder = await open(dataDir);
  // Keys that were printed once must not be others after a power failure.
  await folder.sync().finally(() => folder.close());
  return file;
}
