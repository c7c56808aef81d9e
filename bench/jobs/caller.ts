import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { ServiceConnection } from "../../src/service/index.ts";

/** Share for the output of jobs; it is a plain folder in the data folder. */
export const shareName = "output";

/** Options of {@link Caller.createJob}. */
export interface JobOptions {
  readonly cluster?: string;
  readonly nodeCount?: number;
  readonly image?: string;
}

/** A client that costs as little as possible, so the measurement is that of the service. */
export class Caller {
  readonly #connection: ServiceConnection;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(connection: ServiceConnection) {
    this.#connection = connection;
  }

  /** Sends a request to a path below the workspace, and returns the text of the response. */
  send(method: string, path: string, body?: unknown): Promise<string> {
    const { endpoint, subscriptionId, token } = this.#connection;
    const group = `/subscriptions/${subscriptionId}/resourceGroups/bench`;
    const full = path.startsWith("/group") ? group : `${group}/providers/Microsoft.BatchAI/workspaces/work${path}`;
    const text = body === undefined ? "" : JSON.stringify(body);
    const separator = full.includes("?") ? "&" : "?";
    return new Promise((resolve, reject) => {
      const sent = request(
        `${endpoint}${full}${separator}api-version=2018-05-01`,
        {
          method,
          agent: this.#agent,
          headers: { authorization: `Bearer ${token}`, "content-length": Buffer.byteLength(text) },
        },
        (response) => {
          let received = "";
          response.setEncoding("utf8").on("data", (part: string) => (received += part));
          response.once("end", () => {
            if ((response.statusCode ?? 500) < 300) resolve(received);
            else reject(new Error(`${method} ${path}: ${response.statusCode} ${received}`));
          });
        },
      );
      sent.once("error", reject);
      sent.end(text);
    });
  }

  /**
   * Creates the resource group, the workspace, experiment `exp`, and clusters with so many nodes each, which mount a share
   * for the output of jobs, as in the article.
   */
  async prepare(nodeCounts: Readonly<Record<string, number>>): Promise<void> {
    await this.send("PUT", "/group", { location: "eastus" });
    await this.send("PUT", "", { location: "eastus" });
    await this.send("PUT", "/experiments/exp", {});
    for (const [name, count] of Object.entries(nodeCounts)) {
      await this.send("PUT", `/clusters/${name}`, {
        properties: {
          vmSize: "STANDARD_NC6",
          scaleSettings: { manual: { targetNodeCount: count } },
          userAccountSettings: { adminUserName: "demo", adminUserPassword: "pass-word-of-the-admin" },
          nodeSetup: { mountVolumes: { azureFileShares: [this.#share] } },
        },
      });
    }
  }

  get #share(): Record<string, unknown> {
    const { accountName, accountKey } = this.#connection.storage;
    return {
      accountName,
      azureFileUrl: `https://${accountName}.file.core.windows.net/${shareName}`,
      credentials: { accountKey },
      relativeMountPath: "share",
    };
  }

  /** Creates a job of a command line, in a container if there is an image. */
  async createJob(
    name: string,
    commandLine: string,
    { cluster = "nodes", nodeCount = 1, image }: JobOptions = {},
  ): Promise<void> {
    const { subscriptionId } = this.#connection;
    const workspace = `/subscriptions/${subscriptionId}/resourceGroups/bench/providers/Microsoft.BatchAI/workspaces/work`;
    await this.send("PUT", `/experiments/exp/jobs/${name}`, {
      properties: {
        cluster: { id: `${workspace}/clusters/${cluster}` },
        nodeCount,
        stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/share",
        customToolkitSettings: { commandLine },
        ...(image === undefined ? {} : { containerSettings: { imageSourceRegistry: { image } } }),
      },
    });
  }

  /** Returns the execution state of a job. */
  async state(name: string): Promise<string> {
    const text = await this.send("GET", `/experiments/exp/jobs/${name}`);
    return /"executionState":"(\w+)"/.exec(text)?.[1] ?? "";
  }

  /** Waits until a job has succeeded. Rejects if it has failed. */
  async untilEnded(name: string): Promise<void> {
    for (;;) {
      const state = await this.state(name);
      if (state === "succeeded") return;
      if (state === "failed") throw new Error(`${name} failed`);
      await delay(10);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}
