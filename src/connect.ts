import { BatchAIManagementClient } from "./client.ts";
import { reasonOf } from "./ground/systemErrors.ts";
import { tokenCredential } from "./http/credential.ts";
import type { BatchAIManagementClientOptions } from "./http/options.ts";
import { nodeModule } from "./http/platform.ts";
import { isJsonObject } from "./wire/jsonObject.ts";
import type { ServiceConnection } from "./models/serviceConnection.ts";

/** The part of a {@link ServiceConnection} that a client needs. */
export type ClientConnection = Pick<ServiceConnection, "endpoint" | "subscriptionId" | "token">;

/** Options of {@link connect}: those of the client, except for those that the connection determines. */
export type ConnectOptions = Omit<
  BatchAIManagementClientOptions,
  "endpoint" | "allowInsecureConnection" | "credentialScopes"
>;

/**
 * Creates a client of a service that you run: of `BatchAIService` or `batchai serve`. Allows plain HTTP if the service is
 * on this machine. Does not send a request.
 *
 * @param connection - The service's `connection`, or the path of its `connection.json`. Only Node.js, Bun and Deno can
 * read files.
 * @param options - Other options of the client. Default: none.
 * @throws TypeError if the connection is not valid, and Error if the file cannot be read.
 */
export function connect(
  connection: ClientConnection | string | URL,
  options: ConnectOptions = {},
): BatchAIManagementClient {
  const isFile = typeof connection === "string" || connection instanceof URL;
  if (isFile && /^https?:/i.test(String(connection))) {
    throw new TypeError("connection: must be an object or the path of a connection.json, not an endpoint");
  }
  const { endpoint, subscriptionId, token } = checked(isFile ? readConnectionFile(connection) : connection);
  const credential = tokenCredential(token);
  return new BatchAIManagementClient(credential, subscriptionId, {
    ...options,
    endpoint,
    allowInsecureConnection: true,
  });
}

function checked(connection: unknown): ClientConnection {
  if (!isJsonObject(connection)) throw new TypeError("connection: must be an object, or the path of a connection.json");
  for (const name of ["endpoint", "subscriptionId", "token"]) {
    if (typeof connection[name] === "string" && connection[name] !== "") continue;
    throw new TypeError(`connection.${name}: must be a string that is not empty`);
  }
  return connection as unknown as ClientConnection;
}

function readConnectionFile(path: string | URL): unknown {
  const files = nodeModule("fs");
  if (files === undefined) {
    throw new TypeError(
      "connection: this platform cannot read files. Pass the content of connection.json as an object.",
    );
  }
  const text = readText(() => files.readFileSync(path, "utf8"), String(path));
  try {
    return JSON.parse(text);
  } catch {
    // Without the reason, which would quote the file and its token.
    throw new TypeError(`connection: ${String(path)} is not JSON`);
  }
}

function readText(read: () => string, path: string): string {
  try {
    return read();
  } catch (error) {
    const advice =
      "The service creates connection.json in its data folder when it starts, and removes it when it stops.";
    throw new Error(`connection: cannot read ${path}: ${reasonOf(error)}. ${advice}`, { cause: error });
  }
}
