import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { ArmBody } from "../service/arm.ts";
import type { Report } from "./report.ts";
import type { Subject } from "./subject.ts";

const responseLimitInMs = 10_000;
const patienceInMs = 60_000;
const patienceAfter500InMs = 5000;

/** A response, as far as the suite reads it. */
export interface Answer {
  readonly status: number;
  readonly body: ArmBody;
}

/** Calls the service by plain HTTP, each time over a new connection, and checks the status of every response. */
export class Caller {
  readonly #subject: Subject;
  readonly #report: Report;

  constructor(subject: Subject, report: Report) {
    this.#subject = subject;
    this.#report = report;
  }

  /** Path of a resource in resource group `group` and workspace `work`. */
  path(rest = ""): string {
    return `${this.group}/providers/Microsoft.BatchAI/workspaces/work${rest}`;
  }

  get group(): string {
    return `/subscriptions/${this.#subject.connection.subscriptionId}/resourceGroups/group`;
  }

  jobs(rest = ""): string {
    return this.path(`/experiments/exp/jobs${rest}`);
  }

  /**
   * Repeats a request until the service carries it out or rejects it, over shortages and restarts. Gives up after a
   * minute, which is longer than any disturbance.
   */
  async persist(method: string, path: string, body?: unknown): Promise<Answer> {
    const deadline = performance.now() + patienceInMs;
    for (;;) {
      const answer = await this.once(method, path, body);
      if (answer && answer.status < 500 && answer.body.error?.code !== "ResourceBeingDeleted") return answer;
      // The report already contains it, and it may happen every time.
      if (answer?.status === 500 && performance.now() > deadline - patienceInMs + patienceAfter500InMs) return answer;
      if (performance.now() > deadline) {
        this.#report.hurt("requests", `no success within ${patienceInMs / 1000} s: ${genericOf(method, path)}`);
        return answer ?? { status: 503, body: {} };
      }
      await delay(100);
    }
  }

  /** Sends a request that the service must carry out. Reports it if it is rejected. */
  async acknowledged(method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = await this.persist(method, path, body);
    if (answer.status >= 400 && answer.status < 500)
      this.#report.hurt("rejected", `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body.error)}`);
    return answer;
  }

  /** Sends a request once. Returns undefined if no response came: the service is down, or lacks something. */
  async once(method: string, path: string, body?: unknown): Promise<Answer | undefined> {
    this.#report.count("requests");
    const answer = await this.#send(method, path, body).catch(() => undefined);
    if (answer === undefined) this.#report.count("requests without a response");
    else this.#check(answer, genericOf(method, path));
    return answer;
  }

  #check({ status, body, retryAfter }: Answer & { retryAfter: boolean }, what: string): void {
    if (status < 500) return;
    this.#report.count(`responses with ${status}`);
    if (status !== 503 && status !== 507) this.#report.hurt("never 500", `${what}: ${status} ${JSON.stringify(body)}`);
    else if (!retryAfter) this.#report.hurt("Retry-After", `${what}: ${status} without Retry-After`);
  }

  #send(method: string, path: string, body: unknown): Promise<Answer & { retryAfter: boolean }> {
    const { endpoint, token } = this.#subject.connection;
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
    };
    const address = path.startsWith("http") ? path : `${endpoint}${path}?api-version=2018-05-01`;
    const url = new URL(address.replace(/^https?:\/\/[^/]+/, endpoint));
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(responseLimitInMs);
      const sent = request(url, { method, headers, agent: false, signal }, (response) => {
        let received = "";
        response.setEncoding("utf8").on("data", (part: string) => (received += part));
        response.once("error", reject);
        response.once("close", () => reject(new Error("The connection was lost.")));
        response.once("end", () => {
          const retryAfter = response.headers["retry-after"] !== undefined;
          const parsed = received === "" ? {} : (JSON.parse(received) as ArmBody);
          resolve({ status: response.statusCode ?? 0, body: parsed, retryAfter });
        });
      });
      sent.once("error", reject);
      sent.end(text);
    });
  }
}

/** Returns a request without names, so that each kind of failure is reported once. */
function genericOf(method: string, path: string): string {
  const short = path.replace(/^.*workspaces\/work/, "").replace(/\?.*/, "");
  return `${method} ${short.replace(/[^/]*\d[^/]*/g, "*")}`;
}
