import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BatchAIManagementClient, tokenCredential } from "../../src/index.ts";
import type { BatchAIManagementClientOptions, JobCreateParameters } from "../../src/index.ts";
import { EmbeddedService } from "../service/embeddedService.ts";

/** The names that lead to a job of {@link JobsOfService}. */
export type JobNames = readonly [resourceGroup: string, workspace: string, experiment: string, job: string];

/** An embedded service with one node, whose jobs run as far as a test allows. */
export class JobsOfService {
  readonly embedded: EmbeddedService;
  readonly client: BatchAIManagementClient;

  private constructor(embedded: EmbeddedService) {
    this.embedded = embedded;
    this.client = this.clientWith({});
  }

  static async start(): Promise<JobsOfService> {
    const embedded = await EmbeddedService.start({ gracePeriodInMs: 200 });
    const mount = await embedded.share("logs");
    await embedded.arm.prepare(1, { nodeSetup: { mountVolumes: { azureFileShares: [mount] } } });
    return new JobsOfService(embedded);
  }

  close(): Promise<void> {
    return this.embedded.close();
  }

  clientWith(options: BatchAIManagementClientOptions): BatchAIManagementClient {
    const { endpoint, token, subscriptionId } = this.embedded.service.connection;
    const retryOptions = { retryDelayInMs: 1, maxRetryDelayInMs: 5 };
    return new BatchAIManagementClient(tokenCredential(token), subscriptionId, {
      ...{ endpoint, allowInsecureConnection: true, retryOptions },
      ...options,
    });
  }

  /** Creates a job that runs a command line; in it, `gate NAME` waits until {@link JobsOfService.open} opens that gate. */
  async submit(name: string, commandLine: string): Promise<JobNames> {
    const names = ["group", "work", "exp", name] as const;
    await this.client.jobs.create(...names, this.parameters(commandLine));
    return names;
  }

  /** Deletes a job and creates another one with its name. */
  async replace(job: JobNames, commandLine: string): Promise<void> {
    await this.client.jobs.delete(...job);
    await this.submit(job[3], commandLine);
  }

  /** Parameters of a job that runs a command line with gates. */
  parameters(commandLine: string): JobCreateParameters {
    const gate = 'gate() { until [ -e "$AZ_BATCHAI_MOUNT_ROOT/logs/$1" ]; do sleep 0.02; done; }';
    return {
      cluster: { id: this.embedded.arm.inWorkspace("/clusters/nodes") },
      nodeCount: 1,
      stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs",
      outputDirectories: [{ id: "OUT", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs" }],
      customToolkitSettings: { commandLine: `${gate}; ${commandLine}` },
    };
  }

  /** Lets the jobs go on that wait at a gate. */
  async open(gate: string): Promise<void> {
    const { accountName } = this.embedded.service.connection.storage;
    await writeFile(join(this.embedded.folder, "files", accountName, "logs", gate), "");
  }
}
