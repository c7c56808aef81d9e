import { rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../ground/atomicFile.ts";
import type { ServiceConnection } from "../models/serviceConnection.ts";

/** Path of the connection file of a data folder. */
export function connectionFileOf(dataDir: string): string {
  return join(dataDir, "connection.json");
}

/** Writes the connection file, readable by its owner alone. */
export function writeConnectionFile(dataDir: string, connection: ServiceConnection): void {
  writeFileAtomically(connectionFileOf(dataDir), `${JSON.stringify(connection, null, 2)}\n`, 0o600);
}

/** Removes the connection file, because the service no longer accepts requests. */
export function removeConnectionFile(dataDir: string): void {
  rmSync(connectionFileOf(dataDir), { force: true });
}
