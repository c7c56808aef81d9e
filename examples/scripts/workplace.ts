import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShareServiceClient, StorageSharedKeyCredential, type ShareClient } from "@azure/storage-file-share";
// In your own project: import { ... } from "batchai"; and from "batchai/service";
import { BatchAIManagementClient, tokenCredential, type JobCreateParameters } from "../../src/index.ts";
import { BatchAIService, type ServiceConnection } from "../../src/service/index.ts";

/** Resources that these examples need for their job: a service, a cluster that mounts a file share, an experiment. */
export interface Workplace {
  readonly client: BatchAIManagementClient;
  /** File share that is mounted at `$AZ_BATCHAI_MOUNT_ROOT/data`. */
  readonly share: ShareClient;
  readonly group: string;
  readonly workspace: string;
  readonly cluster: string;
  readonly experiment: string;
  /** Creates a job that runs a command line. Its output directory `OUT` and its logs are on the share. */
  job(commandLine: string): JobCreateParameters;
  /** Deletes all these resources. */
  close(): Promise<void>;
}

/** Connects to the service whose connection file BATCHAI_CONNECTION_FILE names, or starts a service in this process. */
export async function openWorkplace(): Promise<Workplace> {
  const connectionFile = process.env.BATCHAI_CONNECTION_FILE;
  if (connectionFile !== undefined) {
    return prepare(JSON.parse(await readFile(connectionFile, "utf8")) as ServiceConnection, async () => undefined);
  }
  const dataDir = await mkdtemp(join(tmpdir(), "batchai-example-"));
  const service = await BatchAIService.start({ dataDir, resourceGroups: ["examples"] });
  return prepare(service.connection, async () => {
    await service.close();
    await rm(dataDir, { recursive: true, force: true });
  });
}

async function prepare(connection: ServiceConnection, stop: () => Promise<void>): Promise<Workplace> {
  const { endpoint, subscriptionId, token, storage } = connection;
  const options = { endpoint, allowInsecureConnection: true };
  const client = new BatchAIManagementClient(tokenCredential(token), subscriptionId, options);
  const credential = new StorageSharedKeyCredential(storage.accountName, storage.accountKey);
  const share = new ShareServiceClient(storage.fileEndpoint, credential).getShareClient("examples");
  const [group, workspace, cluster, experiment] = ["examples", "examples", "nodes", "examples"];

  await share.createIfNotExists();
  await client.workspaces.create(group, workspace, { location: "eastus" });
  await client.experiments.create(group, workspace, experiment);
  const { id } = await client.clusters.create(group, workspace, cluster, {
    vmSize: "STANDARD_D1",
    scaleSettings: { manual: { targetNodeCount: 2 } },
    userAccountSettings: { adminUserName: "demo", adminUserPassword: randomBytes(18).toString("base64") },
    nodeSetup: {
      mountVolumes: {
        azureFileShares: [
          {
            accountName: storage.accountName,
            azureFileUrl: `https://${storage.accountName}.file.core.windows.net/examples`,
            credentials: { accountKey: storage.accountKey },
            relativeMountPath: "data",
          },
        ],
      },
    },
  });
  return {
    ...{ client, share, group, workspace, cluster, experiment },
    job: (commandLine) => ({
      cluster: { id },
      nodeCount: 1,
      stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/data",
      outputDirectories: [{ id: "OUT", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/data" }],
      customToolkitSettings: { commandLine },
    }),
    async close() {
      await client.workspaces.delete(group, workspace);
      await share.delete();
      await stop();
    },
  };
}
