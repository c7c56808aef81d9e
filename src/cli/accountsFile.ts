import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StorageAccount } from "../files/index.ts";
import { writeFileAtomically } from "../ground/atomicFile.ts";
import { errorCode } from "../ground/systemErrors.ts";

/** Returns the path of the file with the accounts of a data folder and their keys. */
function accountsFileOf(dataDir: string): string {
  return join(dataDir, "accounts.json");
}

/** Returns the accounts of a data folder; none before its first start. */
export async function readAccounts(dataDir: string): Promise<StorageAccount[]> {
  const file = accountsFileOf(dataDir);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
  const accounts = parse(text);
  if (accounts === undefined) {
    throw new Error(`${file} does not contain a list of accounts with "name" and "key". Fix it, or move it away.`);
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
 * Writes the accounts to a file that only its owner can read, with their URLs and connection strings.
 *
 * @returns The path of the file.
 */
export function keepAccounts(
  dataDir: string,
  accounts: readonly StorageAccount[],
  fileEndpoint: (name: string) => string,
): string {
  const described = accounts.map(({ name, key }) => ({
    name,
    key,
    fileEndpoint: fileEndpoint(name),
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${name};AccountKey=${key};FileEndpoint=${fileEndpoint(name)};`,
  }));
  const file = accountsFileOf(dataDir);
  writeFileAtomically(file, `${JSON.stringify(described, null, 2)}\n`, 0o600);
  return file;
}
