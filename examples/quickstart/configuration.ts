import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CNTK_TRAINER } from "./trainer.ts";

/** Configuration of the quickstart; see README.md. The source contains no credentials. */
export interface Configuration {
  /**
   * Endpoint of the Batch AI API, and the credentials for it. Default: an embedded service that the quickstart starts.
   */
  readonly endpoint: ServiceEndpoint | undefined;
  /** Connection file of a service that `batchai serve` runs on this machine; used instead of an embedded service. */
  readonly connectionFile: string | undefined;
  readonly resourceGroup: string;
  readonly location: string;
  /** Account on the nodes of the cluster. */
  readonly adminUserName: string;
  readonly adminUserPassword: string;
  /** Folder for everything on this machine: the embedded service, the data, the downloaded files. */
  readonly folder: string;
  /** Number of samples of each part of MNIST, for a quick test. Default: all. */
  readonly samples: number | undefined;
  /** Number of passes over the training data. Default: that of the training script. */
  readonly epochs: number | undefined;
  /** Path of the CNTK script to run in the article's container. Absent: the job runs a script that does not need CNTK. */
  readonly cntkScript: string | undefined;
  /** Whether the embedded service runs that script directly on this machine, without the container. */
  readonly ignoreContainerSettings: boolean;
  /** Container engine of the embedded service; see `ServiceOptions.containerEngine`. */
  readonly containerEngine: string | undefined;
  /** Size of the node. Default: that of the article. */
  readonly vmSize: string;
}

/** A Batch AI service on another machine, and the storage account of the share that it mounts. */
export interface ServiceEndpoint {
  readonly url: string;
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly storageAccountName: string;
  readonly storageAccountKey: string;
  readonly fileEndpoint: string;
}

/**
 * Reads the command line, the environment and a `.env` file in the current folder. The environment takes precedence
 * over the file.
 * @throws Error that names the missing or invalid setting.
 */
export function readConfiguration(): Configuration {
  if (existsSync(".env")) process.loadEnvFile(".env");
  const { values: options } = parseArgs({
    options: {
      cntk: { type: "boolean", default: false },
      "cntk-script": { type: "string", default: CNTK_TRAINER },
      "ignore-container-settings": { type: "boolean", default: false },
      samples: { type: "string" },
      epochs: { type: "string" },
      "vm-size": { type: "string", default: "STANDARD_NC6" },
    },
  });
  return {
    endpoint: readEndpoint(),
    connectionFile: existingConnectionFile(),
    resourceGroup: variable("BATCHAI_RESOURCE_GROUP") ?? "myresourcegroup",
    location: variable("BATCHAI_LOCATION") ?? "eastus",
    adminUserName: variable("BATCHAI_ADMIN_USER") ?? "demouser",
    adminUserPassword: readAdminPassword(),
    folder: resolve(variable("BATCHAI_QUICKSTART_FOLDER") ?? join(".batchai", "quickstart")),
    samples: options.samples === undefined ? undefined : wholeNumber("samples", options.samples),
    epochs: options.epochs === undefined ? undefined : wholeNumber("epochs", options.epochs),
    cntkScript: options.cntk ? existingFile(options["cntk-script"]) : undefined,
    ignoreContainerSettings: options["ignore-container-settings"],
    containerEngine: variable("BATCHAI_CONTAINER_ENGINE"),
    vmSize: options["vm-size"],
  };
}

function readEndpoint(): ServiceEndpoint | undefined {
  const url = variable("BATCHAI_ENDPOINT");
  if (url === undefined) return undefined;
  const storageAccountName = required("BATCHAI_STORAGE_ACCOUNT");
  return {
    url,
    subscriptionId: required("AZURE_SUBSCRIPTION_ID"),
    tenantId: required("AZURE_TENANT_ID"),
    clientId: required("AZURE_CLIENT_ID"),
    clientSecret: required("AZURE_CLIENT_SECRET"),
    storageAccountName,
    storageAccountKey: required("BATCHAI_STORAGE_KEY"),
    fileEndpoint: variable("BATCHAI_FILE_ENDPOINT") ?? `https://${storageAccountName}.file.core.windows.net`,
  };
}

function existingConnectionFile(): string | undefined {
  const path = variable("BATCHAI_CONNECTION_FILE");
  if (path === undefined || existsSync(path)) return path;
  throw new Error(
    `BATCHAI_CONNECTION_FILE names ${path}, which does not exist. The file exists only while the service runs.`,
  );
}

/** Any strong password is good enough for an embedded service, because no one signs in to its nodes. */
function readAdminPassword(): string {
  const password = variable("BATCHAI_ADMIN_PASSWORD");
  if (password !== undefined) return password;
  return variable("BATCHAI_ENDPOINT") === undefined
    ? `${randomBytes(18).toString("base64url")}-aA1`
    : required("BATCHAI_ADMIN_PASSWORD");
}

function variable(name: string): string | undefined {
  const value = process.env[name]?.trim();
  return value === "" ? undefined : value;
}

function required(name: string): string {
  const value = variable(name);
  if (value === undefined) {
    throw new Error(`${name} is not set, and BATCHAI_ENDPOINT needs it: see examples/quickstart/README.md.`);
  }
  return value;
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`--${option} must be a whole number of at least 1, got ${text}.`);
  return value;
}

function existingFile(path: string): string {
  if (existsSync(path)) return path;
  throw new Error(`--cntk-script names ${path}, which does not exist.`);
}
