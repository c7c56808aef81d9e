import type { ServiceConnection } from "../../src/service/index.ts";

/** An answer of the API as it came over the wire. */
export interface ArmAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON body; an empty object when there is none. */
  readonly body: ArmBody;
}

/** A body of the API, as loosely as a test reads it. */
export interface ArmBody {
  readonly [member: string]: unknown;
  readonly error?: { code: string; message: string; target?: string; details?: { code: string; target?: string }[] };
  readonly properties?: Record<string, unknown>;
  readonly value?: Record<string, unknown>[];
}

/** Calls a service by plain HTTP, without any SDK. */
export class ArmCaller {
  readonly connection: ServiceConnection;

  constructor(connection: ServiceConnection) {
    this.connection = connection;
  }

  /** Path of a resource of Batch AI below resource group `group` and workspace `work`. */
  inWorkspace(rest = ""): string {
    return `${this.inSubscription("/resourceGroups/group/providers/Microsoft.BatchAI/workspaces/work")}${rest}`;
  }

  inSubscription(rest: string): string {
    return `/subscriptions/${this.connection.subscriptionId}${rest}`;
  }

  /** Sends one request. A body that is a string is sent as it is. */
  async send(
    method: string,
    path: string,
    body?: unknown,
    more: { readonly headers?: Record<string, string>; readonly query?: string } = {},
  ): Promise<ArmAnswer> {
    const query = more.query ?? "api-version=2018-05-01";
    const url = path.startsWith("http") ? path : `${this.connection.endpoint}${path}${query === "" ? "" : `?${query}`}`;
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${this.connection.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...more.headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text === "" ? {} : (JSON.parse(text) as ArmBody),
    };
  }

  /** Sends a request that has to succeed. */
  async expect(method: string, path: string, body?: unknown): Promise<ArmAnswer> {
    const answer = await this.send(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${String(answer.status)}: ${answer.text}`);
    return answer;
  }

  /** Makes resource group `group`, workspace `work`, experiment `exp`, and cluster `nodes` with so many nodes. */
  async prepare(nodeCount = 1, clusterProperties: Record<string, unknown> = {}): Promise<void> {
    await this.expect("PUT", this.inSubscription("/resourceGroups/group"), { location: "eastus" });
    await this.expect("PUT", this.inWorkspace(), { location: "eastus" });
    await this.expect("PUT", this.inWorkspace("/experiments/exp"), {});
    await this.expect("PUT", this.inWorkspace("/clusters/nodes"), clusterBody(nodeCount, clusterProperties));
  }

  /** The body of a job that runs a command line on cluster `nodes`. */
  jobBody(commandLine: string, properties: Record<string, unknown> = {}): { properties: Record<string, unknown> } {
    return {
      properties: {
        cluster: { id: this.inWorkspace("/clusters/nodes") },
        nodeCount: 1,
        stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_TEMP_DIR",
        customToolkitSettings: { commandLine },
        ...properties,
      },
    };
  }

  jobPath(name: string): string {
    return this.inWorkspace(`/experiments/exp/jobs/${name}`);
  }

  async job(name: string): Promise<Record<string, unknown>> {
    return (await this.expect("GET", this.jobPath(name))).body.properties ?? {};
  }
}

/** The body of a cluster. */
export function clusterBody(
  nodeCount: number,
  properties: Record<string, unknown> = {},
): { properties: Record<string, unknown> } {
  return {
    properties: {
      vmSize: "STANDARD_NC6",
      scaleSettings: { manual: { targetNodeCount: nodeCount } },
      userAccountSettings: { adminUserName: "demo", adminUserPassword: "pass-word-of-the-admin" },
      ...properties,
    },
  };
}
