// The SDK and the places where the steps of every runtime use it. Uses nothing of Node.js, like the steps.
import type * as batchai from "../../../src/index.ts";
import type {
  BatchAIManagementClient,
  BatchAIManagementClientOptions,
  JobCreateParameters,
} from "../../../src/index.ts";

/** The SDK, as the runtime has imported it. */
export type Sdk = typeof batchai;

/** What a runtime gets from the test that starts it, as JSON. */
export interface Settings {
  readonly endpoint: string;
  readonly subscriptionId: string;
  readonly token: string;
  /** Name of the workspace that the steps create in resource group `group`. No other runtime uses it. */
  readonly workspace: string;
  /** The file share of the nodes, with the mount path `logs`. */
  readonly share: Share;
  /** URL of the {@link Companion}. */
  readonly companion: string;
  /** URL of this machine where nothing listens. */
  readonly unreachable: string;
}

/** A file share, as a node mounts it. */
export interface Share {
  readonly accountName: string;
  readonly azureFileUrl: string;
  readonly credentials: { readonly accountKey: string };
  readonly relativeMountPath: string;
}

/** Names of a job. */
export type JobNames = readonly [resourceGroup: string, workspace: string, experiment: string, job: string];

/** Polling interval of the steps that wait for a job. */
export const quick = { updateIntervalInMs: 20 };

/** The SDK with a client of the real service, and the places where requests get stuck. */
export class Stage {
  readonly sdk: Sdk;
  readonly settings: Settings;
  readonly client: BatchAIManagementClient;
  readonly workspace: readonly [resourceGroup: string, workspace: string];

  constructor(sdk: Sdk, settings: Settings) {
    this.sdk = sdk;
    this.settings = settings;
    this.client = this.clientOf(settings.endpoint);
    this.workspace = ["group", settings.workspace];
  }

  clientOf(endpoint: string, options: BatchAIManagementClientOptions = {}): BatchAIManagementClient {
    const { subscriptionId, token } = this.settings;
    const credential = this.sdk.tokenCredential(token);
    const { BatchAIManagementClient } = this.sdk;
    return new BatchAIManagementClient(credential, subscriptionId, {
      ...{ endpoint, allowInsecureConnection: true },
      ...options,
    });
  }

  /** Creates a client of the companion, which receives requests and does not respond. Does not retry. */
  stuckClient(): BatchAIManagementClient {
    return this.clientOf(this.settings.companion, { retryOptions: { maxRetries: 0 } });
  }

  job(name: string): JobNames {
    return [...this.workspace, "experiment", name];
  }

  /** Creates a job. In its command line, `gate NAME` waits until {@link Stage.open} opens that gate. */
  async submit(name: string, commandLine: string): Promise<JobNames> {
    const gate = `gate() { until [ -e "$AZ_BATCHAI_MOUNT_ROOT/logs/${this.nameOf("$1")}" ]; do sleep 0.02; done; }`;
    const names = this.job(name);
    await this.client.jobs.create(...names, this.parametersOf(`${gate}; ${commandLine}`));
    return names;
  }

  /** Parameters of a job on the cluster. */
  parametersOf(commandLine: string): JobCreateParameters {
    return {
      cluster: this.client.clusters.at(...this.workspace, "cluster"),
      nodeCount: 1,
      stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs",
      customToolkitSettings: { commandLine },
    };
  }

  /** Lets jobs continue that wait at a gate. */
  async open(gate: string): Promise<void> {
    await this.#ask(`/gates/${this.nameOf(gate)}`);
  }

  /** URL of a file whose response stops after half of its 1000 bytes. */
  halfOf(name: string): string {
    return `${this.settings.companion}/half/${this.nameOf(name)}`;
  }

  /** Returns a name that no other runtime uses. */
  nameOf(name: string): string {
    return `${this.settings.workspace}-${name}`;
  }

  /** Waits until the companion has received a request that has this name in its path. */
  async arrived(name: string): Promise<void> {
    await this.#ask(`/arrived/${this.nameOf(name)}`);
  }

  async #ask(path: string): Promise<void> {
    const response = await fetch(`${this.settings.companion}${path}`, { method: "POST" });
    await response.text();
    if (!response.ok) throw new Error(`the companion returned ${response.status} for ${path}`);
  }
}

/** Throws unless two values have the same JSON. */
export function same(actual: unknown, expected: unknown): void {
  const [has, wants] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (has !== wants) throw new Error(`expected ${wants}, got ${has}`);
}

/** Throws unless a condition holds. */
export function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
}

/** Returns the error with which a promise rejects. */
export async function rejectionOf(promise: PromiseLike<unknown>): Promise<Error & Record<string, unknown>> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (error instanceof Error) return error as Error & Record<string, unknown>;
    throw new Error(`rejected with ${String(error)}, which is not an Error`, { cause: error });
  }
  throw new Error(`did not reject, but returned ${JSON.stringify(value)}`);
}
