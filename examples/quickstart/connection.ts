import { readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { ResourceManagementClient } from "@azure/arm-resources";
import { ClientSecretCredential, type TokenCredential } from "@azure/identity";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
// In your own project: import { ... } from "batchai"; and from "batchai/service";
import { allowLoopbackHttp, BatchAIManagementClient, tokenCredential } from "../../src/index.ts";
import { BatchAIService, type ServiceConnection } from "../../src/service/index.ts";
import type { Configuration, ServiceEndpoint } from "./configuration.ts";
import { shortPath } from "./console.ts";

/** The three clients of the article, and the storage account of the share that the cluster mounts. */
interface Clients {
  readonly batchAI: BatchAIManagementClient;
  readonly resources: ResourceManagementClient;
  readonly files: ShareServiceClient;
  readonly storageAccountName: string;
  readonly storageAccountKey: string;
}

/** A connected service. */
export interface Connection extends Clients {
  readonly description: string;
  readonly isEmbedded: boolean;
  /** Closes the embedded service. Has no effect on any other service. */
  close(): Promise<void>;
}

/** Connects to the configured service, or starts an embedded one. */
export function connect(configuration: Configuration): Promise<Connection> {
  if (configuration.endpoint) return connectTo(configuration.endpoint);
  return configuration.connectionFile === undefined
    ? startEmbedded(configuration)
    : connectToRunning(configuration.connectionFile);
}

/** Connects to a service on another machine, with a service principal. */
async function connectTo(endpoint: ServiceEndpoint): Promise<Connection> {
  const credential = new ClientSecretCredential(endpoint.tenantId, endpoint.clientId, endpoint.clientSecret);
  return {
    description: `the service at ${endpoint.url}`,
    isEmbedded: false,
    ...clients(credential, endpoint.url, endpoint),
    close: async () => undefined,
  };
}

/** Connects to a service that `batchai serve` runs on this machine. */
async function connectToRunning(connectionFile: string): Promise<Connection> {
  const connection = JSON.parse(await readFile(connectionFile, "utf8")) as ServiceConnection;
  return {
    description: `the service at ${connection.endpoint}`,
    isEmbedded: false,
    ...localClients(connection),
    close: async () => undefined,
  };
}

/** Starts a service in this process, with its own storage account. */
async function startEmbedded({ folder, ignoreContainerSettings, containerEngine }: Configuration): Promise<Connection> {
  // The node of the cluster is this machine, and jobs inherit the PATH. This lets them find the Node.js of this
  // process.
  process.env.PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const dataDir = join(folder, "service");
  const service = await BatchAIService.start({
    dataDir,
    ignoreContainerSettings,
    containerEngine,
    gracePeriodInMs: 1000,
  });
  const { endpoint } = service.connection;
  return {
    description: `an embedded service at ${endpoint}, which stores its state in ${shortPath(dataDir)}`,
    isEmbedded: true,
    ...localClients(service.connection),
    close: () => service.close(),
  };
}

function localClients({ endpoint, subscriptionId, token, storage }: ServiceConnection): Clients {
  return clients(tokenCredential(token), endpoint, {
    subscriptionId,
    storageAccountName: storage.accountName,
    storageAccountKey: storage.accountKey,
    fileEndpoint: storage.fileEndpoint,
  });
}

function clients(
  credential: TokenCredential,
  endpoint: string,
  account: Pick<ServiceEndpoint, "subscriptionId" | "storageAccountName" | "storageAccountKey" | "fileEndpoint">,
): Clients {
  const { subscriptionId, storageAccountName, storageAccountKey, fileEndpoint } = account;
  // Without TLS, the clients send tokens only to this machine. They reject any other endpoint that starts with http.
  const options = { endpoint, allowInsecureConnection: endpoint.startsWith("http:") };
  const resources = new ResourceManagementClient(credential, subscriptionId, options);
  if (options.allowInsecureConnection) allowLoopbackHttp(resources.pipeline, credential);
  return {
    batchAI: new BatchAIManagementClient(credential, subscriptionId, options),
    resources,
    files: new ShareServiceClient(fileEndpoint, new StorageSharedKeyCredential(storageAccountName, storageAccountKey)),
    storageAccountName,
    storageAccountKey,
  };
}
