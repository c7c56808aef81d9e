import { delimiter, dirname, join } from "node:path";
import { ResourceManagementClient } from "@azure/arm-resources";
import { ClientSecretCredential, type TokenCredential } from "@azure/identity";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
// In your own project: import { ... } from "batchai"; and from "batchai/service";
import { allowLoopbackHttp, BatchAIManagementClient, tokenCredential } from "../../src/index.ts";
import { BatchAIService } from "../../src/service/index.ts";
import type { Configuration, ServiceEndpoint } from "./configuration.ts";

/** The three clients of the article, and what else a program has to know of the service it talks to. */
export interface Connection {
  readonly description: string;
  readonly isEmbedded: boolean;
  readonly batchAI: BatchAIManagementClient;
  readonly resources: ResourceManagementClient;
  readonly files: ShareServiceClient;
  readonly storageAccountName: string;
  readonly storageAccountKey: string;
  /** Closes the embedded service; does nothing to any other. */
  close(): Promise<void>;
}

/** Connects to the configured endpoint, or starts an embedded service. */
export function connect({ endpoint, folder }: Configuration): Promise<Connection> {
  return endpoint ? connectTo(endpoint) : startEmbedded(join(folder, "service"));
}

/** A service somewhere else: a service principal of the directory vouches for this program. */
async function connectTo(endpoint: ServiceEndpoint): Promise<Connection> {
  const credential = new ClientSecretCredential(endpoint.tenantId, endpoint.clientId, endpoint.clientSecret);
  return {
    description: `the service at ${endpoint.url}`,
    isEmbedded: false,
    ...clients(credential, endpoint.url, endpoint),
    close: async () => undefined,
  };
}

/** A service inside this process, with a storage account of its own. */
async function startEmbedded(dataDir: string): Promise<Connection> {
  // The node of the cluster is this machine, and jobs inherit the PATH: let them find the Node.js that runs this.
  process.env.PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const service = await BatchAIService.start({ dataDir, gracePeriodInMs: 1000 });
  const { endpoint, subscriptionId, token, storage } = service.connection;
  return {
    description: `an embedded service at ${endpoint}, which keeps its state in ${dataDir}`,
    isEmbedded: true,
    ...clients(tokenCredential(token), endpoint, {
      subscriptionId,
      storageAccountName: storage.accountName,
      storageAccountKey: storage.accountKey,
      fileEndpoint: storage.fileEndpoint,
    }),
    close: () => service.close(),
  };
}

function clients(
  credential: TokenCredential,
  endpoint: string,
  account: Pick<ServiceEndpoint, "subscriptionId" | "storageAccountName" | "storageAccountKey" | "fileEndpoint">,
): Omit<Connection, "description" | "isEmbedded" | "close"> {
  const { subscriptionId, storageAccountName, storageAccountKey, fileEndpoint } = account;
  // Without TLS, tokens travel to this machine alone: the clients refuse any other address that begins with http.
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
