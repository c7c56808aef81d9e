import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
import { BatchAIService, type BatchAIServiceOptions } from "../../src/service/index.ts";
import { ArmCaller } from "./arm.ts";
import { until } from "../until.ts";

/** A service in this process on a folder of its own, with what tests need to talk to it. */
export class EmbeddedService {
  readonly service: BatchAIService;
  readonly folder: string;
  readonly arm: ArmCaller;

  private constructor(service: BatchAIService, folder: string) {
    this.service = service;
    this.folder = folder;
    this.arm = new ArmCaller(service.connection);
  }

  /** @param sharedDir - Name of a folder within that of the service, which nodes of Slurm see too. Default: none. */
  static async start(
    options: Partial<BatchAIServiceOptions> = {},
    { sharedDir }: { readonly sharedDir?: string } = {},
  ): Promise<EmbeddedService> {
    const folder = await mkdtemp(join(tmpdir(), "batchai-"));
    const shared = sharedDir === undefined ? {} : { sharedDir: join(folder, sharedDir) };
    try {
      return new EmbeddedService(await BatchAIService.start({ dataDir: folder, ...shared, ...options }), folder);
    } catch (error) {
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  /** Deletes everything first: jobs outlive a service that is only closed. */
  async close(): Promise<void> {
    const groups = this.arm.inSubscription("/resourceGroups");
    const left = async () => (await this.arm.expect("GET", groups)).body.value ?? [];
    for (const { name } of await left()) await this.arm.expect("DELETE", `${groups}/${String(name)}`);
    await until("all resource groups are gone", async () => (await left()).length === 0);
    await this.service.close();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Makes a file share and answers how a job or cluster mounts it. */
  async share(name: string): Promise<Record<string, unknown>> {
    const { accountName, accountKey, fileEndpoint } = this.service.connection.storage;
    const client = new ShareServiceClient(fileEndpoint, new StorageSharedKeyCredential(accountName, accountKey));
    await client.getShareClient(name).createIfNotExists();
    return {
      accountName,
      azureFileUrl: `https://${accountName}.file.core.windows.net/${name}`,
      credentials: { accountKey },
      relativeMountPath: name,
    };
  }

  /** Runs a job to its end; answers its properties. */
  async run(
    name: string,
    commandLine: string,
    properties: Record<string, unknown> = {},
  ): Promise<Record<string, unknown>> {
    await this.arm.expect("PUT", this.arm.jobPath(name), this.arm.jobBody(commandLine, properties));
    return await this.ended(name);
  }

  /** Waits for the end of a job; answers its properties. */
  async ended(name: string): Promise<Record<string, unknown>> {
    await this.state(name, /succeeded|failed/);
    return await this.arm.job(name);
  }

  /** Waits until a job is in a state. */
  async state(name: string, state: RegExp): Promise<void> {
    await until(`job ${name} is ${String(state)}`, async () => {
      return state.test(String((await this.arm.job(name)).executionState));
    });
  }

  /** Names and contents of the files in an output directory of a job. */
  async files(name: string, outputDirectoryId: string, directory = "."): Promise<Record<string, string>> {
    const query = `api-version=2018-05-01&outputdirectoryid=${outputDirectoryId}&directory=${encodeURIComponent(directory)}`;
    const { body } = await this.arm.send("POST", `${this.arm.jobPath(name)}/listOutputFiles`, undefined, { query });
    const entries = (body.value ?? []).map(async (file): Promise<[string, string]> => {
      const url = file.downloadUrl as string | undefined;
      return [String(file.name), url === undefined ? "(directory)" : await (await fetch(url)).text()];
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  async cluster(name = "nodes"): Promise<Record<string, unknown>> {
    return (await this.arm.expect("GET", this.arm.inWorkspace(`/clusters/${name}`))).body.properties ?? {};
  }

  /** Waits until a cluster is steady and has these node counts. */
  async counts(counts: Record<string, number>, name = "nodes"): Promise<void> {
    await until(`cluster ${name} has ${JSON.stringify(counts)}`, async () => {
      const { allocationState, nodeStateCounts } = await this.cluster(name);
      const found = nodeStateCounts as Record<string, number>;
      return allocationState === "steady" && Object.entries(counts).every(([state, count]) => found[state] === count);
    });
  }
}
